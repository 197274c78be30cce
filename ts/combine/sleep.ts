// sleep: a future that a timer completes, without callback or context of its own. While it is
// pending, `_value` already holds what it will give.

import type { TimerTarget } from '../backend/timer_table'
import { checkMilliseconds, checkObject, invalidType } from '../errors/arguments'
import type { Cancellation } from '../future/cancellation'
import { answerInUse, FIRST_STEP } from '../future/coroutine_in_use'
import { Future, stepThrough } from '../future/future'
import { FutureState, type RunnableWaiter } from '../future/waiter'
import type { Runnable } from '../loop/handle'
import { EventLoop, Kind } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { IDLE } from '../loop/timers'

export interface SleepOptions {
  /** Cancels the sleep, with the signal's reason, when it is aborted. */
  signal?: AbortSignal | undefined
}

class Sleep<T> extends Future<T> implements TimerTarget {
  static override readonly _isInner = true
  /** @internal */ _slot = IDLE

  constructor(loop: EventLoop, delayMs: number, outcome: T) {
    super(loop)
    this._value = outcome
    loop._timers.armIn(this, delayMs)
  }

  timerFired(): void {
    if (this._state === FutureState.PENDING) super.setResult(this._value as T)
  }

  override setResult(value: T): void {
    super.setResult(value)
    this.disarm()
  }

  override setException(error: unknown): void {
    super.setException(error)
    this.disarm()
  }

  override _cancelWith(cancellation: Cancellation): boolean {
    if (!super._cancelWith(cancellation)) return false
    this.disarm()
    return true
  }

  private disarm(): void {
    this._loop._timers.cancel(this)
  }
}

/**
 * sleep(0): gives way exactly once. It stands in the ready ring itself from the start, so a task
 * that waits for it resumes from that very entry, as behind a bare `yield` in asyncio.
 */
class GiveWay<T> extends Future<T> implements Runnable {
  static override readonly _isInner = true
  private waiter: RunnableWaiter | null = null
  /** Made outside a turn, behind a foreign promise: the turn may come before the `await` of this does. */
  private isEarly = EventLoop._visited === null

  constructor(loop: EventLoop, outcome: T) {
    super(loop)
    this._value = outcome
    loop.ring.push(Kind.YIELD, this)
  }

  /** As it is waited for at once, and once, it serves as its own iterator. */
  override [Symbol.iterator](): Iterator<Future<unknown>, T, unknown> {
    return this
  }

  next(given?: unknown): IteratorResult<Future<unknown>, T> {
    if (given === FIRST_STEP && this.waiter !== null) return answerInUse()
    return stepThrough<T>(this)
  }

  throw(error: unknown): never {
    throw error
  }

  return(value: T): IteratorResult<Future<unknown>, T> {
    return { value, done: true }
  }

  override _adopt(waiter: RunnableWaiter): boolean {
    if (this.waiter !== null) return false
    this.waiter = waiter
    return true
  }

  run(): void {
    const { waiter } = this
    if (waiter === null && this.isEarly) {
      // Done before it is awaited, it would give way to nobody, and no cancellation could reach the await.
      this.isEarly = false
      this._loop._promisesDue = true
      this._loop.ring.push(Kind.YIELD, this)
      return
    }
    if (this._state === FutureState.PENDING) super.setResult(this._value as T)
    if (waiter !== null) waiter.run()
  }
}

/**
 * Waits `ms` milliseconds, fractions allowed, never less. 0 or less gives way exactly once, so that
 * others run. Throws TypeError or RangeError if `ms` is no number.
 *
 * @param result what the sleep gives
 */
export function sleep<T = void>(ms: number, result?: T, options?: SleepOptions): Future<T> {
  checkMilliseconds('ms', ms)
  const signal = options === undefined ? undefined : signalOf(options)
  const loop = schedulingLoop()
  const future = ms <= 0 ? new GiveWay<T>(loop, result as T) : new Sleep<T>(loop, ms, result as T)
  if (signal !== undefined) cancelOnAbort(future, signal)
  return future
}

function signalOf(options: SleepOptions): AbortSignal | undefined {
  checkObject('options', options)
  const { signal } = options
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw invalidType('options.signal', 'an AbortSignal', signal)
}

function cancelOnAbort(future: Future<unknown>, signal: AbortSignal): void {
  if (signal.aborted) {
    future.cancel(signal.reason)
    return
  }
  const abort = () => future.cancel(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  future._onDone(() => signal.removeEventListener('abort', abort))
}
