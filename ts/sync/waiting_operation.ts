// WaitingOperation: an operation that goes on at once where it can, and else waits among the waiters
// of a lock, an event or a queue.
//
// It is its own iterator, written by hand: for `yield* lock.acquire()` of a free lock, making and
// starting a generator would cost several times as much as the rest. What it does is what this
// generator would do:
//
//   let isWoken = false
//   while (!attempt(isWoken)) {
//     const waiter = waiters.add()
//     try { yield* waiter } finally { waiters.remove(waiter); unless it resumed: abandoned(…) }
//     isWoken = true
//   }
//
// For speed, a class that extends this one
// - initializes `isBegun` and `waiter` itself, so that its objects get them in one constructor;
// - tries the way without waiting in a `next` of its own, where V8 knows what it calls.

import { answerInUse, FIRST_STEP } from '../future/coroutine_in_use'
import { type Future, stepThrough } from '../future/future'
import { operationBegins } from '../future/never_awaited'
import { Operation, operationReused } from '../future/operation'
import { FutureState } from '../future/waiter'
import { debugging } from '../loop/debugging'
import type { Waiters } from './waiters'

/** A step of an operation that waits for futures and gives a T. */
export type Step<T> = IteratorResult<Future<unknown>, T>

export abstract class WaitingOperation<T>
  extends Operation<T>
  implements Iterator<Future<unknown>, T, unknown>
{
  /** Initially false. */
  protected abstract isBegun: boolean
  /** What it waits for; null before it waits, and after. */
  protected abstract waiter: Future<void> | null
  protected abstract readonly waiters: Waiters

  /**
   * Goes on and gives the last step, or null if it has to wait (again). `isWoken`: it has waited, and
   * was woken.
   */
  protected abstract attempt(isWoken: boolean): Step<T> | null

  /**
   * It leaves without having resumed; `waiter` may have been woken, and stands among the waiters no
   * more. `error` is what was thrown into it, undefined if the coroutine is returned from.
   */
  protected abstract abandoned(waiter: Future<void>, error: unknown): void

  get _hasBegun(): boolean {
    return this.isBegun
  }

  [Symbol.iterator](): this {
    if (this.isBegun) throw operationReused()
    this.isBegun = true
    if (debugging.isOn) operationBegins(this)
    return this
  }

  next(given?: unknown): Step<T> {
    const { waiter } = this
    if (waiter === null) return this.attempt(false) ?? this.wait()
    if (given === FIRST_STEP) return answerInUse()
    if (waiter._state === FutureState.PENDING) return stepThrough(waiter) as Step<T>
    if (waiter._state !== FutureState.RESULT) return this.throw(errorOf(waiter))
    this.leave()
    return this.attempt(true) ?? this.wait()
  }

  throw(error: unknown): never {
    const waiter = this.leave()
    if (waiter !== null) this.abandoned(waiter, error)
    throw error
  }

  return(value: T): Step<T> {
    const waiter = this.leave()
    if (waiter !== null) this.abandoned(waiter, undefined)
    return { value, done: true }
  }

  private wait(): Step<T> {
    const waiter = this.waiters.add()
    this.waiter = waiter
    return stepThrough(waiter) as Step<T>
  }

  private leave(): Future<void> | null {
    const { waiter } = this
    this.waiter = null
    if (waiter !== null) this.waiters.remove(waiter)
    return waiter
  }
}

/** REQUIRES: the future was cancelled, or failed. */
function errorOf(future: Future<unknown>): unknown {
  return future.cancelled() ? future._makeCancelledError() : future.exception()
}
