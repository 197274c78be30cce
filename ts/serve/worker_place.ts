// The place of one worker in a group: starts it, starts another when it dies, and drains it.
//
// STARTING: a worker runs that does not listen yet. SERVING: it listens. PAUSING: none runs, the next is
// about to. DRAINING: it was told to end. OVER: none runs, and none will.
// STARTING -> SERVING, PAUSING, DRAINING, OVER; SERVING -> PAUSING, DRAINING, OVER;
// PAUSING -> STARTING, OVER; DRAINING -> OVER.

import { WorkerDiedError } from '../errors/executor_errors'
import { receiveError, type SentError } from '../executors/error_transport'
import { Future } from '../future/future'
import type { TimerHandle } from '../loop/handle'
import type { EventLoop } from '../loop/loop'
import type { Coroutine } from '../task/coroutine'
import { type Exit, startWorker, type WorkerKind, type WorkerLink } from './link'
import type { FromWorker, WorkerStart } from './messages'

const State = { STARTING: 0, SERVING: 1, PAUSING: 2, DRAINING: 3, OVER: 4 } as const
type State = (typeof State)[keyof typeof State]

/** The pause before a restart doubles from one to the next, up to the last. */
const PAUSE_MS_FIRST = 100
const PAUSE_MS_MAX = 10_000
/** A worker that served as long as this has not failed at its start: the pauses begin anew. */
const STEADY_MS = 30_000
/** What a worker may take beyond its grace, to cancel what is left. */
const KILL_DELAY_MS = 2_000

export class WorkerPlace {
  /** Done with the port when the first worker listens; fails when it ends before. */
  readonly listening: Future<number>
  restarts = 0
  private state: State = State.STARTING
  private link: WorkerLink | null = null
  private failures = 0
  private startedMs = 0
  private returned = false
  private isAborted = false
  private failure: SentError | null = null
  private timer: TimerHandle | null = null
  private readonly waiters: Future<void>[] = []

  constructor(
    private readonly loop: EventLoop,
    private readonly how: { readonly kind: WorkerKind; readonly isClustered: boolean },
    private start: WorkerStart,
  ) {
    this.listening = new Future<number>(loop)
    this.begin()
  }

  get id(): number {
    return this.start.id
  }

  /** The process's id or the thread's; null while none runs. */
  get pid(): number | null {
    return this.link?.id ?? null
  }

  /** Where later workers listen. */
  set port(port: number) {
    this.start = { ...this.start, port }
  }

  drain(): void {
    switch (this.state) {
      case State.STARTING:
      case State.SERVING:
        this.state = State.DRAINING
        this.link?.drain()
        this.killLater()
        break
      case State.PAUSING:
        this.end()
    }
  }

  abort(): void {
    if (this.state === State.OVER) return
    this.isAborted = true
    if (this.state === State.PAUSING) this.end()
    else this.state = State.DRAINING
    this.link?.kill()
  }

  /** Waits for the end of the last worker. */
  *untilOver(): Coroutine<void> {
    if (this.state === State.OVER) return
    const waiter = new Future<void>(this.loop)
    this.waiters.push(waiter)
    yield* waiter
  }

  private begin(): void {
    this.state = State.STARTING
    this.startedMs = this.loop.time()
    this.returned = false
    this.failure = null
    const { kind, isClustered } = this.how
    try {
      this.link = startWorker(kind, isClustered, this.start, {
        told: (message) => this.told(message),
        exited: (exit) => this.exited(exit),
      })
    } catch (error) {
      // Node tells of some failures in an event, and throws others (E2BIG, ENOMEM; a thread's EAGAIN).
      this.exited({ code: null, signal: null, error: error as Error })
    }
  }

  private told(message: FromWorker): void {
    switch (message.kind) {
      case 'listening':
        if (this.state === State.STARTING) this.state = State.SERVING
        if (!this.listening.done() && this.isLoopThere()) this.listening.setResult(message.port)
        break
      case 'returned':
        this.returned = true
        break
      case 'failed':
        this.failure = message.error
        break
    }
  }

  private exited(exit: Exit): void {
    this.link = null
    this.timer?.cancel()
    if (!this.isLoopThere()) {
      this.state = State.OVER
      return
    }
    const isFirst = !this.listening.done()
    const error = this.errorOf(exit)
    if (this.state === State.DRAINING || isFirst || this.returned) {
      if (error !== null && isFirst && this.state !== State.DRAINING) {
        this.listening.setException(error)
      } else if (error !== null) this.report(error)
      this.end()
      return
    }
    this.report(error as Error)
    this.restartLater()
  }

  private restartLater(): void {
    const wasSteady = this.loop.time() - this.startedMs >= STEADY_MS
    this.failures = wasSteady ? 0 : this.failures
    const pauseMs =
      this.failures === 0 ? 0 : Math.min(PAUSE_MS_FIRST * 2 ** (this.failures - 1), PAUSE_MS_MAX)
    this.failures++
    this.state = State.PAUSING
    this.timer = this.loop.callLater(pauseMs, () => {
      this.restarts++
      this.begin()
    })
  }

  /** Why a worker ended; null where that is in order. */
  private errorOf({ code, signal, error }: Exit): Error | null {
    if (this.failure !== null) return receiveError(this.failure, null) as Error
    const isListening = this.listening.done()
    if (this.returned && isListening) return null
    if (this.state === State.DRAINING && (code === 0 || this.isAborted)) return null
    const how = this.returned
      ? 'returned before it listened'
      : signal === null
        ? `exited with code ${code}`
        : `was ended by ${signal}`
    const why = error === null ? '' : `: ${error.message}`
    const cause = error === null ? {} : { cause: error }
    return new WorkerDiedError(`server worker ${this.id} ${how}${why}`, code, signal, cause)
  }

  private report(exception: Error): void {
    const message = 'A server worker died'
    this.loop.callExceptionHandler({ message, exception, worker: this.id })
  }

  /** A worker that does not end within its grace is ended. */
  private killLater(): void {
    const { graceMs } = this.start
    this.timer = this.loop.callLater(graceMs + KILL_DELAY_MS, () => this.link?.kill())
  }

  private end(): void {
    this.state = State.OVER
    this.timer?.cancel()
    if (!this.isLoopThere()) return
    if (!this.listening.done()) this.listening.cancel()
    for (const waiter of this.waiters.splice(0)) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }

  private isLoopThere(): boolean {
    return !this.loop.isClosed()
  }
}
