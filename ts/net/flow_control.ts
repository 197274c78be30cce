// Flow control of a stream: who waits in drain() and waitClosed(), and what they are told.

import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import type { StreamReader } from './stream_reader'

/** FLOWING, PAUSED while too much waits to be sent, LOST in the end. */
const State = { FLOWING: 0, PAUSED: 1, LOST: 2 } as const
type State = (typeof State)[keyof typeof State]

/** Who waits for what. */
interface Waiting {
  drain: Future<void>[]
  close: Future<void>[]
}

export class FlowControl {
  private state: State = State.FLOWING
  /**
   * Who waits, or of a connection that is LOST what broke it; null in nearly all connections at nearly all
   * times.
   */
  private rest: Waiting | Error | null = null

  /** `reader`: whose errors are those of drain(), and who goes on with TLS; null where nobody reads. */
  constructor(
    readonly loop: EventLoop,
    readonly reader: StreamReader | null = null,
  ) {}

  /** Whether the connection was accepted. */
  get isServer(): boolean {
    return false
  }

  pause(): void {
    if (this.state === State.FLOWING) this.state = State.PAUSED
  }

  resume(): void {
    if (this.state !== State.PAUSED) return
    this.state = State.FLOWING
    const waiters = (this.rest as Waiting | null)?.drain.splice(0) ?? []
    for (const waiter of waiters) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }

  connectionLost(error: Error | null): void {
    const waiting = this.state === State.LOST ? null : (this.rest as Waiting | null)
    this.state = State.LOST
    this.rest = error
    if (waiting === null) return
    for (const waiter of [...waiting.drain, ...waiting.close]) {
      if (waiter.done()) continue
      if (error === null) waiter.setResult(undefined)
      else waiter.setException(error)
    }
  }

  /** Whether drain() has nothing to wait for and nothing to complain of. */
  isFlowing(): boolean {
    return this.state === State.FLOWING
  }

  *drained(): Generator<Future<unknown>, void, unknown> {
    if (this.state === State.LOST) throw connectionReset()
    if (this.state === State.FLOWING) return
    const waiter = new Future<void>(this.loop)
    yield* waitIn(this.waiters().drain, waiter)
  }

  *closed(): Generator<Future<unknown>, void, unknown> {
    if (this.state === State.LOST) {
      if (this.rest !== null) throw this.rest
      return
    }
    const waiter = new Future<void>(this.loop)
    yield* waitIn(this.waiters().close, waiter)
  }

  /** REQUIRES: it is not LOST. */
  private waiters(): Waiting {
    this.rest ??= { drain: [], close: [] }
    return this.rest as Waiting
  }
}

/** Who gives up is kept no longer: one may ask each second, for as long as a connection lives. */
function* waitIn(
  waiters: Future<void>[],
  waiter: Future<void>,
): Generator<Future<unknown>, void, unknown> {
  waiters.push(waiter)
  try {
    yield* waiter
  } finally {
    const index = waiters.indexOf(waiter)
    if (index >= 0) waiters.splice(index, 1)
  }
}

/** What draining a connection that is over throws. */
export function connectionReset(): Error {
  const error = new Error('Connection lost') as NodeJS.ErrnoException
  error.code = 'ECONNRESET'
  error.syscall = 'write'
  return error
}
