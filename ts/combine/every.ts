// every: periodic work that does not drift.
//
// Run n is due at start + n * ms on the loop's clock, whatever the runs before it took. A time that has
// passed when a run could begin (the one before lasted longer, or the loop was held up) is left out:
// runs never come in a bunch.

import {
  checkDelay,
  checkFunction,
  checkObject,
  checkSwitch,
  invalidType,
  outOfRange,
} from '../errors/arguments'
import { Future } from '../future/future'
import { FutureState } from '../future/waiter'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { isCoro } from '../task/coroutine'
import { currentTask } from '../task/current'
import type { Task } from '../task/task'
import { gather } from './gather'

export interface EveryOptions {
  /** Whether the first run begins at once, and not after the first period. By default not. */
  immediate?: boolean | undefined
  /** Whether a run begins although the one before has not ended. By default not. */
  overlap?: boolean | undefined
  /**
   * Whether the first error ends the task, which fails with it. By default errors go to the loop's
   * exception handler, and the next run comes in its time.
   */
  stopOnError?: boolean | undefined
  /** The name of the task. */
  name?: string | undefined
}

/**
 * A lateness that counts as on time, in periods and in milliseconds: times are sums of fractions, and
 * timers come at whole nanoseconds.
 */
const TOLERANCE = 1e-6
const TOLERANCE_MS = 2e-6

/**
 * Calls `fn` every `ms` milliseconds, as a task of its own each time, until the task that this gives is
 * cancelled; runs that are going on are then cancelled too. `fn` is a coroutine function or a plain one.
 * Throws TypeError or RangeError unless `ms` is finite and above 0.
 */
export function every(ms: number, fn: () => unknown, options: EveryOptions = {}): Task<never> {
  checkDelay('ms', ms)
  if (ms === 0) throw outOfRange('ms', 'above 0', ms)
  checkFunction('fn', fn)
  // Calling it would run none of its body, and nobody would step it.
  if (Object.prototype.toString.call(fn) === '[object AsyncGeneratorFunction]') {
    throw invalidType('fn', 'a function that is no async generator function', fn)
  }
  checkObject('options', options)
  for (const name of ['immediate', 'overlap', 'stopOnError'] as const) {
    checkSwitch(`options.${name}`, options[name])
  }
  const loop = schedulingLoop()
  const periodic = new Periodic(loop, ms, fn, options)
  return loop.createTask(periodic.steps(), { name: options.name ?? `every ${ms} ms` })
}

class Periodic {
  private readonly startMs: number
  private readonly running = new Set<Task<unknown>>()
  /** What the task waits for: the next time, or with `stopOnError` a failure. */
  private pause: Future<void> | null = null
  /** With `stopOnError`: the run that failed first. */
  private failed: Task<unknown> | null = null

  constructor(
    private readonly loop: EventLoop,
    private readonly ms: number,
    private readonly fn: () => unknown,
    private readonly options: EveryOptions,
  ) {
    this.startMs = loop.time()
  }

  *steps(): Generator<Future<unknown>, never, unknown> {
    const { immediate = false, overlap = false } = this.options
    try {
      for (let count = immediate ? 0 : 1; ; count = this.nextCount(count)) {
        yield* this.until(this.startMs + count * this.ms)
        // A loop that drains begins nothing new.
        if (this.loop._admission?.mayMake(currentTask()) === false) continue
        const run = this.begin()
        if (!overlap) yield* gather([run], { returnExceptions: true })
        this.failed?.result()
      }
    } finally {
      const left = [...this.running]
      for (const run of left) run.cancel()
      yield* gather(left, { returnExceptions: true })
    }
  }

  /** The number of the next run that is not past already. */
  private nextCount(count: number): number {
    const passedMs = this.loop.time() - this.startMs
    const toleranceMs = Math.max(TOLERANCE * this.ms, TOLERANCE_MS)
    return Math.max(count + 1, Math.ceil((passedMs - toleranceMs) / this.ms))
  }

  private *until(whenMs: number): Generator<Future<unknown>, void, unknown> {
    const pause = new Future<void>(this.loop)
    const timer = this.loop.callAt(whenMs, () => this.endPause())
    this.pause = pause
    try {
      yield* pause
    } finally {
      this.pause = null
      timer.cancel()
    }
    this.failed?.result()
  }

  private endPause(): void {
    if (this.pause !== null && !this.pause.done()) this.pause.setResult(undefined)
  }

  private begin(): Task<unknown> {
    const run = this.loop.createTask(() => this.call())
    this.running.add(run)
    run._onDone(() => this.ended(run))
    return run
  }

  /** A plain function has done its work when it returns. */
  private call(): PromiseLike<unknown> {
    const given = this.fn()
    if (isCoro(given) && typeof given !== 'function') return given as PromiseLike<unknown>
    const done = new Future<void>(this.loop)
    done.setResult(undefined)
    return done
  }

  private ended(run: Task<unknown>): void {
    this.running.delete(run)
    if (run._state !== FutureState.EXCEPTION) return
    if (this.options.stopOnError === true) {
      this.failed ??= run
      this.endPause()
    } else {
      const message = 'Exception in periodic work'
      this.loop.callExceptionHandler({ message, exception: run.exception(), task: run })
    }
  }
}
