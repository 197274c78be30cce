// StreamWriter: writing to a connection with coroutines, and the flow control behind drain().

import { inspect } from 'node:util'
import { sleep } from '../combine/sleep'
import { RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { EventLoop } from '../loop/loop'
import type { Side } from '../tls/handshake'
import { type StartTlsOptions, sideFor, upgrade } from '../tls/start_tls'
import type { ExtraInfo, Transport, Writable } from './protocol'
import type { StreamReader } from './stream_reader'

/** Who waits in drain() and waitClosed(), and what they are told. */
export class FlowControl {
  private paused = false
  private lost = false
  private failure: Error | null = null
  /** Null while nobody waits, as in nearly all connections at nearly all times. */
  private drainWaiters: Future<void>[] | null = null
  private closeWaiters: Future<void>[] | null = null

  constructor(protected readonly loop: EventLoop) {}

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    const waiters = this.drainWaiters ?? []
    this.drainWaiters = null
    for (const waiter of waiters) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }

  connectionLost(error: Error | null): void {
    this.lost = true
    this.failure = error
    const waiters = [...(this.drainWaiters ?? []), ...(this.closeWaiters ?? [])]
    this.drainWaiters = this.closeWaiters = null
    for (const waiter of waiters) {
      if (waiter.done()) continue
      if (error === null) waiter.setResult(undefined)
      else waiter.setException(error)
    }
  }

  /** Whether drain() has nothing to wait for and nothing to complain of. */
  isFlowing(): boolean {
    return !this.paused && !this.lost
  }

  *drained(): Generator<Future<unknown>, void, unknown> {
    if (this.lost) throw connectionReset()
    if (!this.paused) return
    const waiter = new Future<void>(this.loop)
    this.drainWaiters ??= []
    this.drainWaiters.push(waiter)
    try {
      yield* waiter
    } finally {
      const index = this.drainWaiters?.indexOf(waiter) ?? -1
      if (index >= 0) this.drainWaiters?.splice(index, 1)
    }
  }

  *closed(): Generator<Future<unknown>, void, unknown> {
    if (this.lost) {
      if (this.failure !== null) throw this.failure
      return
    }
    const waiter = new Future<void>(this.loop)
    this.closeWaiters ??= []
    this.closeWaiters.push(waiter)
    yield* waiter
  }
}

function connectionReset(): Error {
  const error = new Error('Connection lost') as NodeJS.ErrnoException
  error.code = 'ECONNRESET'
  error.syscall = 'write'
  return error
}

/** What `drain` gives while there is nothing to wait for: one for all writers of a loop. */
const drained = new WeakMap<EventLoop, Future<void>>()

function drainedOn(loop: EventLoop): Future<void> {
  let future = drained.get(loop)
  if (future === undefined) {
    future = new Future<void>(loop)
    future.setResult(undefined)
    drained.set(loop, future)
  }
  return future
}

export class StreamWriter {
  private lower: Transport
  private drainedAlready: Future<void> | null = null

  /** @internal */
  constructor(
    transport: Transport,
    private readonly flow: FlowControl,
    private readonly reader: StreamReader | null,
    private readonly loop: EventLoop,
    private readonly isServer: boolean,
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
    const hasFailed = this.reader !== null && this.reader.exception() !== null
    const isPlain = this.flow.isFlowing() && !hasFailed && !this.transport.isClosing()
    if (!isPlain) return new GeneratorOperation('StreamWriter.drain', () => this.drainSteps())
    this.drainedAlready ??= drainedOn(this.loop)
    return this.drainedAlready
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
    const side = sideFor(options, options?.isServer ?? this.isServer)
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

  private *startTlsSteps(side: Side): Generator<Future<unknown>, void, unknown> {
    yield* this.drainSteps()
    if (this.reader?._hasEnded() === true) {
      throw new RuntimeError('the peer has ended the connection', 'ERR_TRANSPORT_CLOSED')
    }
    const received = this.reader?._takeReceived()
    const protocol = this.lower.getProtocol()
    const transport = yield* upgrade(this.loop, this.lower, protocol, side, received)
    this.lower = transport
    this.reader?.setTransport(transport)
  }

  private *drainSteps(): Generator<Future<unknown>, void, unknown> {
    const error = this.reader?.exception() ?? null
    if (error !== null) throw error
    if (this.loop.isClosed())
      throw new RuntimeError('Event loop is closed', 'ERR_EVENT_LOOP_CLOSED')
    // A connection that was lost just now says so in the next turn; without giving way, a loop that
    // only writes and drains would never hear of it.
    if (this.transport.isClosing()) yield* sleep(0)
    yield* this.flow.drained()
  }
}
