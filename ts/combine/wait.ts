// wait: until some or all of a set of futures are done. Never cancels, never throws on timeout.

import type { TimerTarget } from '../backend/timer_table'
import { checkMilliseconds, checkObject, outOfRange } from '../errors/arguments'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation, type Steps } from '../future/operation'
import { FutureState } from '../future/waiter'
import { schedulingLoop } from '../loop/running'
import { IDLE } from '../loop/timers'
import type { Coro, ResultOf } from '../task/coroutine'
import { checkCoro, distinct } from '../task/coroutine'
import { ensureFuture } from '../task/create'

export type ReturnWhen = 'FIRST_COMPLETED' | 'FIRST_EXCEPTION' | 'ALL_COMPLETED'
const RETURN_WHEN: readonly unknown[] = ['FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED']

export interface WaitOptions {
  /** Milliseconds after which to return with what is done; null or undefined waits for ever. */
  timeout?: number | null | undefined
  /** What to wait for; by default 'ALL_COMPLETED'. */
  returnWhen?: ReturnWhen | undefined
}

export interface WaitResult<T> {
  done: Set<Future<T>>
  pending: Set<Future<T>>
}

/**
 * Waits for futures; coroutines among them become tasks. Resolves to two sets: those that are done
 * and those still pending, which run on. Throws RangeError for nothing to wait for.
 */
export function wait<C extends Coro<unknown>>(
  coros: Iterable<C>,
  options: WaitOptions = {},
): Operation<WaitResult<ResultOf<C>>> {
  const all = distinct(coros)
  if (all.length === 0) throw outOfRange('coros', 'at least one future to wait for', [])
  checkObject('options', options)
  const { timeout = null, returnWhen = 'ALL_COMPLETED' } = options
  if (timeout !== null) checkMilliseconds('options.timeout', timeout)
  if (!RETURN_WHEN.includes(returnWhen)) {
    throw outOfRange('options.returnWhen', `one of ${RETURN_WHEN.join(', ')}`, returnWhen)
  }
  for (const coro of all) checkCoro('coros', coro)
  return new GeneratorOperation('wait', () => {
    const futures = new Set(all.map((coro) => ensureFuture(coro)))
    return untilEnough(futures, timeout, returnWhen) as Steps<WaitResult<ResultOf<C>>>
  })
}

/** Ends when enough is done or the time is over; it is its own timer. */
class WaitEnd extends Future<void> implements TimerTarget {
  static override readonly _isInner = true
  /** @internal */ _slot = IDLE

  arm(delayMs: number): void {
    const loop = this._loop
    if (delayMs <= 0) loop._timersOverdue()
    loop._timers.armIn(this, delayMs)
  }

  timerFired(): void {
    this.release()
  }

  disarm(): void {
    this._loop._timers.cancel(this)
  }

  release(): void {
    if (!this.done()) this.setResult(undefined)
  }
}

/** Failed, by its state: JavaScript can throw null. Who asks has seen the error. */
function hasFailed(future: Future<unknown>): boolean {
  if (future._state !== FutureState.EXCEPTION) return false
  future._markRetrieved()
  return true
}

function* untilEnough(
  futures: Set<Future<unknown>>,
  timeoutMs: number | null,
  returnWhen: ReturnWhen,
): Generator<Future<unknown>, WaitResult<unknown>, unknown> {
  const end = new WaitEnd(schedulingLoop())
  if (timeoutMs !== null) end.arm(timeoutMs)
  let left = futures.size
  const onCompletion = (future: Future<unknown>) => {
    left--
    const isEnough =
      left <= 0 ||
      returnWhen === 'FIRST_COMPLETED' ||
      (returnWhen === 'FIRST_EXCEPTION' && hasFailed(future))
    if (!isEnough) return
    end.disarm()
    end.release()
  }
  for (const future of futures) future._onDone(onCompletion)
  try {
    yield* end
  } finally {
    end.disarm()
    for (const future of futures) future.removeDoneCallback(onCompletion)
  }
  const done = new Set<Future<unknown>>()
  const pending = new Set<Future<unknown>>()
  for (const future of futures) (future.done() ? done : pending).add(future)
  return { done, pending }
}
