// ChildTransport: a child process and its pipes, for a protocol, over node:child_process, after
// asyncio's base_subprocess (3.13).
//
// Invariants: 1. connectionMade comes first and connectionLost last, each once; connectionLost comes
//                when the child has exited and every pipe is over.
//             2. The child is reaped by libuv, whatever becomes of this object.
//             3. Closing, also that of the loop, kills a child that still runs.

import type { AsyncResource } from 'node:async_hooks'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { inspect } from 'node:util'
import { NodeSockets } from '../backend/node_sockets'
import { checkSignal, signalNumber } from '../errors/signals'
import { systemError } from '../errors/system_error'
import { Future } from '../future/future'
import { captureContext } from '../loop/context'
import type { ForeignHandle } from '../loop/foreign_handles'
import type { Runnable } from '../loop/handle'
import { type EventLoop, Kind } from '../loop/loop'
import { checkProtocol, type Transport } from '../net/protocol'
import { Pipe, type PipeEvents } from './pipe'
import type { SubprocessProtocol, SubprocessTransport } from './subprocess_protocol'

export class ChildTransport implements SubprocessTransport, ForeignHandle, PipeEvents {
  private readonly pid: number
  private returncode: number | null = null
  private closing = false
  private finished = false
  /** What sending a signal failed with; Node reports it as an event. */
  private failure: Error | null = null
  private readonly pipes = new Map<number, Pipe>()
  private readonly sockets = new NodeSockets()
  private exitWaiters: Future<number>[] = []
  private readonly context: AsyncResource

  /**
   * @internal REQUIRES: the child runs. `joined` is what stands in the place of both output pipes.
   */
  constructor(
    private readonly loop: EventLoop,
    private readonly child: ChildProcess,
    joined: Socket | null,
    private protocol: SubprocessProtocol,
  ) {
    this.context = captureContext('GyreSubprocess')
    this.pid = child.pid as number
    const streams = [child.stdin, joined ?? child.stdout, child.stderr] as (Socket | null)[]
    leaveStreamsToUs(child)
    for (const [fd, socket] of streams.entries()) {
      if (socket !== null) this.pipes.set(fd, new Pipe(loop, fd, socket, this.sockets, this))
    }
    child.on('exit', (code, signal) => this.exited(code, signal))
    child.on('error', (error) => {
      this.failure = error
    })
    loop._foreign.add(this)
    this.loopChanged()
  }

  /** @internal Tells the protocol that the child runs, and starts to read its outputs. */
  _begin(): void {
    this.call('connectionMade', () => this.protocol.connectionMade?.(this))
    for (const pipe of this.pipes.values()) pipe.begin()
  }

  getPid(): number {
    return this.pid
  }

  getReturncode(): number | null {
    return this.returncode
  }

  getPipeTransport(fd: number): Transport | null {
    return this.pipes.get(fd)?.transport ?? null
  }

  sendSignal(signal: NodeJS.Signals | number): void {
    const { number } = checkSignal('signal', signal)
    if (this.returncode !== null) throw systemError(constants.errno.ESRCH, 'kill')
    // False: the child has ended, and we shall hear of it.
    this.child.kill(number)
    const { failure } = this
    this.failure = null
    if (failure !== null) throw failure
  }

  terminate(): void {
    this.sendSignal('SIGTERM')
  }

  kill(): void {
    this.sendSignal('SIGKILL')
  }

  close(): void {
    if (this.closing) return
    this.closing = true
    // First, so that no child complains of its pipes. One that may not be killed goes on without us.
    if (this.returncode === null) this.child.kill('SIGKILL')
    for (const { transport } of this.pipes.values()) transport.close()
  }

  isClosing(): boolean {
    return this.closing
  }

  setProtocol(protocol: SubprocessProtocol): void {
    checkProtocol('protocol', protocol)
    this.protocol = protocol
  }

  getProtocol(): SubprocessProtocol {
    return this.protocol
  }

  [inspect.custom](): string {
    const state = this.returncode === null ? 'running' : `returncode=${this.returncode}`
    const fds = [...this.pipes.keys()].join(',')
    const closing = this.closing ? ' closing' : ''
    return `<SubprocessTransport pid=${this.pid} ${state}${closing} pipes=[${fds}]>`
  }

  /** @internal Until the child has exited; its pipes may last longer. */
  *_wait(): Generator<Future<unknown>, number, unknown> {
    if (this.returncode !== null) return this.returncode
    const waiter = new Future<number>(this.loop)
    this.exitWaiters.push(waiter)
    try {
      return yield* waiter
    } finally {
      const index = this.exitWaiters.indexOf(waiter)
      if (index >= 0) this.exitWaiters.splice(index, 1)
    }
  }

  /** @internal A child keeps the process alive while somebody can hear of its end. */
  loopChanged(): void {
    const isActive = this.loop._isActive()
    this.sockets.setActive(isActive)
    if (this.finished) return
    if (isActive) this.child.ref()
    else this.child.unref()
  }

  /** @internal */
  loopClosed(): void {
    this.closing = true
    if (this.returncode === null) this.child.kill('SIGKILL')
    this.sockets.destroyAll()
    this.child.unref()
  }

  /** @internal */
  pipeData(fd: number, data: Buffer): void {
    this.call('pipeDataReceived', () => this.protocol.pipeDataReceived?.(fd, data))
  }

  /** @internal */
  pipeLost(fd: number, error: Error | null): void {
    this.call('pipeConnectionLost', () => this.protocol.pipeConnectionLost?.(fd, error))
    this.finishIfOver()
  }

  /** @internal */
  pipePaused(): void {
    this.call('pauseWriting', () => this.protocol.pauseWriting?.())
  }

  /** @internal */
  pipeResumed(): void {
    this.call('resumeWriting', () => this.protocol.resumeWriting?.())
  }

  /** Node says that the child has exited. */
  private exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.returncode = signal === null ? (code as number) : -signalNumber(signal)
    if (this.loop.isClosed()) return
    this.pipes.get(0)?.readerExited()
    this.enqueue(() => {
      this.call('processExited', () => this.protocol.processExited?.())
      const { returncode } = this
      for (const waiter of this.exitWaiters.splice(0)) {
        if (!waiter.done()) waiter.setResult(returncode as number)
      }
      this.finishIfOver()
    })
  }

  private finishIfOver(): void {
    if (this.returncode === null || this.finished) return
    for (const pipe of this.pipes.values()) if (!pipe.isLost) return
    this.finished = true
    this.closing = true
    this.loop._foreign.delete(this)
    this.enqueue(() => this.call('connectionLost', () => this.protocol.connectionLost?.(null)))
  }

  private enqueue(act: () => void): void {
    const entry: Runnable = { run: act }
    this.loop.ring.push(Kind.HANDLE, entry)
  }

  /** Calls the protocol; what it throws is reported, and the child goes on, as in asyncio. */
  private call(method: string, act: () => void): void {
    try {
      this.context.runInAsyncScope(act)
    } catch (error) {
      const message = `protocol.${method}() failed`
      this.loop._callbackFailed(error, message, { protocol: this.protocol, transport: this })
    }
  }
}

/**
 * When a child exits, Node destroys its stdin and reads its outputs to their end, whether anybody
 * wants them or not. Flow control is ours, so Node is left without its references.
 */
function leaveStreamsToUs(child: ChildProcess): void {
  Object.assign(child, { stdin: null, stdout: null, stderr: null })
  ;(child.stdio as unknown[]).fill(null)
}
