// The grace of a soft shutdown: what `run` grants draining tasks before it cancels all that is left.
//
// When it begins, servers stop accepting, no new work is begun (see loop/admission.ts), and every
// other task runs on, as draining tasks may need it. It is over when the last draining task is done,
// when its time is, or when somebody ends it.
//
// Invariants: 1. It begins at most once, and is over at most once.
//             2. Admission is closed exactly while it is going on.

import type { TimerTarget } from '../backend/timer_table'
import { Future } from '../future/future'
import { Admission } from '../loop/admission'
import { EventLoop } from '../loop/loop'
import { IDLE } from '../loop/timers'
import { tasksOf } from '../task/current'
import type { Task } from '../task/task'

const State = { AHEAD: 0, GOING: 1, OVER: 2 } as const
type State = (typeof State)[keyof typeof State]

export class Grace implements TimerTarget {
  private state: State = State.AHEAD
  private readonly left = new Set<object>()
  /** @internal */ _slot = IDLE
  /** Done when the grace is over. */
  readonly over: Future<void>

  constructor(
    private readonly loop: EventLoop,
    private readonly graceMs: number,
  ) {
    this.over = new Future<void>(loop)
  }

  hasBegun(): boolean {
    return this.state !== State.AHEAD
  }

  isGoing(): boolean {
    return this.state === State.GOING
  }

  /** Harmless when it has begun. */
  begin(): void {
    if (this.state !== State.AHEAD) return
    this.state = State.GOING
    const { loop } = this
    for (const callback of [...loop._atDrain]) callback()
    loop._admission ??= new Admission()
    const admission = loop._admission
    admission.close((task) => this.follow(task as Task<unknown>))
    for (const task of tasksOf(loop)) {
      if (admission.isDraining(task)) this.follow(task)
    }
    if (this.left.size === 0 || this.graceMs === 0) this.end()
    else loop._timers.armIn(this, this.graceMs)
  }

  /** Ends it at once, also before it began; without effect when it is over. */
  end(): void {
    if (this.state === State.OVER) return
    this.state = State.OVER
    this.loop._admission?.open()
    this.loop._timers.cancel(this)
    this.over.setResult(undefined)
  }

  /** @internal The time is over. */
  timerFired(): void {
    this.end()
  }

  private follow(task: Task<unknown>): void {
    this.left.add(task)
    task._onDone(this.drained)
  }

  private readonly drained = (task: Future<unknown>): void => {
    this.left.delete(task)
    if (this.left.size === 0) this.end()
  }
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Aborted when a soft shutdown of this loop begins, so that work which comes in pieces can stop
     * taking more; its reason is the error that new tasks get (ERR_SHUTTING_DOWN).
     */
    readonly drainSignal: AbortSignal
  }
}

Object.defineProperty(EventLoop.prototype, 'drainSignal', {
  configurable: true,
  get(this: EventLoop): AbortSignal {
    this._admission ??= new Admission()
    return this._admission.signal
  },
})
