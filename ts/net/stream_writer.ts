// StreamWriter: writing to a connection with coroutines.

import { inspect } from 'node:util'
import { sleep } from '../combine/sleep'
import { RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { DoneFuture, Waiter } from '../future/waiter'
import { type EventLoop, Kind } from '../loop/loop'
import type { Task } from '../task/task'
import type { Side } from '../tls/handshake'
import { type StartTlsOptions, sideFor, upgrade } from '../tls/start_tls'
import { connectionReset, type FlowControl } from './flow_control'
import { HandlerEnd } from './handler_end'
import type { ExtraInfo, Transport, Writable } from './protocol'

/** What `drain` gives while there is nothing to wait for: one for all writers of a loop. */
function drainedOn(loop: EventLoop): Future<void> {
  const known = loop._drained as Future<void> | null
  if (known !== null) return known
  const future = new Future<void>(loop)
  future.setResult(undefined)
  loop._drained = future
  return future
}

export class StreamWriter implements Waiter {
  private lower: Transport

  /** @internal */
  constructor(
    transport: Transport,
    private readonly flow: FlowControl,
  ) {
    this.lower = transport
  }

  /** The transport below; another one after `startTls`. */
  get transport(): Transport {
    return this.lower
  }

  /** Sends `data`, now or as soon as the peer takes it. Follow it with `drain()`. */
  write(data: Writable): void {
    this.transport.write(data)
  }

  writelines(list: Iterable<Writable>): void {
    this.transport.writelines(list)
  }

  /**
   * Waits while too much waits to be sent (see setWriteBufferLimits). Throws what broke the
   * connection.
   */
  drain(): Future<void> | Operation<void> {
    const { flow } = this
    const hasFailed = flow.reader !== null && flow.reader.exception() !== null
    const isPlain = flow.isFlowing() && !hasFailed && !this.transport.isClosing()
    if (!isPlain) return new GeneratorOperation('StreamWriter.drain', () => this.drainSteps())
    return drainedOn(flow.loop)
  }

  /** Closes the sending half when everything is sent. */
  writeEof(): void {
    this.transport.writeEof()
  }

  canWriteEof(): boolean {
    return this.transport.canWriteEof()
  }

  /** Closes the connection when everything is sent. Follow it with `waitClosed()`. */
  close(): void {
    this.transport.close()
  }

  isClosing(): boolean {
    return this.transport.isClosing()
  }

  /** Waits until the connection is closed. Throws what broke it. */
  waitClosed(): Operation<void> {
    return new GeneratorOperation('StreamWriter.waitClosed', () => this.flow.closed())
  }

  /**
   * Goes on with TLS: sends what waits, then does the handshake, on which reader and writer stand
   * from then on. What came in and was not read counts as the beginning of the peer's handshake, so
   * nothing slips in from before it. A connection that was accepted by `startServer` is the
   * server's end, unless `isServer` says otherwise. Rejects as `loop.startTls`.
   */
  startTls(options: StartTlsOptions): Operation<void> {
    const side = sideFor(options, options?.isServer ?? this.flow.isServer)
    return new GeneratorOperation('StreamWriter.startTls', () => this.startTlsSteps(side))
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K]
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
  getExtraInfo(name: string, fallback?: unknown): unknown {
    return this.transport.getExtraInfo(name, fallback)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.waitClosed()
  }

  [inspect.custom](): string {
    return `<StreamWriter ${inspect(this.transport)}>`
  }

  /** @internal The handler of the connection has ended. */
  _wake(task: DoneFuture): void {
    this.flow.loop.ring.push(Kind.DONE_CALLBACK, new HandlerEnd(task as Task<void>, this))
  }

  /** @internal */
  _describeWaiter(): string {
    return 'startServer()'
  }

  private *startTlsSteps(side: Side): Generator<Future<unknown>, void, unknown> {
    const { loop, reader } = this.flow
    yield* this.drainSteps()
    if (reader?._hasEnded() === true) {
      throw new RuntimeError('the peer has ended the connection', 'ERR_TRANSPORT_CLOSED')
    }
    const received = reader?._takeReceived()
    const protocol = this.lower.getProtocol()
    const transport = yield* upgrade(loop, this.lower, protocol, side, received)
    this.lower = transport
    reader?.setTransport(transport)
  }

  private *drainSteps(): Generator<Future<unknown>, void, unknown> {
    const { loop, reader } = this.flow
    const error = reader?.exception() ?? null
    if (error !== null) throw error
    if (loop.isClosed()) throw new RuntimeError('Event loop is closed', 'ERR_EVENT_LOOP_CLOSED')
    // A connection that was lost just now says so in the next turn; without giving way, a loop that
    // only writes and drains would never hear of it.
    if (this.transport.isClosing()) yield* sleep(0)
    if (this.isSpent()) throw connectionReset()
    yield* this.flow.drained()
  }

  /**
   * Whether the connection was closed and has sent everything: it is over, though the system may say so
   * only some turns later, and what was written since then is lost. TLS still has its goodbye to say.
   */
  private isSpent(): boolean {
    const { transport } = this
    return transport.isClosing() && transport.canWriteEof() && transport.getWriteBufferSize() === 0
  }
}
