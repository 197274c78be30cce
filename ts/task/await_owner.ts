// A task as the owner of what its async functions await, so far as no body of an operation owns it
// (combine/body_end.ts).

import { type Await, addAwait, removeAwait } from '../future/awaits'
import type { Cancellation } from '../future/cancellation'
import { Future } from '../future/future'
import { type AwaitOwner, deliverInto } from '../future/then'
import { FutureState } from '../future/waiter'

/**
 * Invariant: while it is pending, `_value` is the cancellation that was asked for and went into no
 * future yet; undefined if there is none (asyncio's _must_cancel).
 */
export abstract class AwaitingTask<T> extends Future<T> implements AwaitOwner {
  /** @internal What is awaited: one stands for itself. */
  _awaits: Await | Set<Await> | null = null
  /** @internal What its generator waits for. */
  _waitsFor: Future<unknown> | null = null

  /** @internal */
  get _task(): this {
    return this
  }

  /** @internal The main line of a task is in none. */
  get _branch(): null {
    return null
  }

  /** @internal */
  _live(): this | null {
    return this._state === FutureState.PENDING ? this : null
  }

  /** @internal */
  _beginAwait(entry: Await): void {
    addAwait(this, entry)
    deliverInto(this, entry._future)
  }

  /** @internal */
  _endAwait(entry: Await): void {
    removeAwait(this, entry)
  }

  /** @internal What a task left waiting goes on when it is done, and then `_value` is its outcome. */
  _undelivered(): Cancellation | null {
    if (this._state !== FutureState.PENDING) return null
    return (this._value as Cancellation | undefined) ?? null
  }

  /** @internal */
  _delivered(): void {
    if (this._state === FutureState.PENDING) this._value = undefined
  }

  /** @internal */
  _waitsOnlyFor(entry: Await): boolean {
    return this._awaits === entry && this._waitsFor === null
  }
}
