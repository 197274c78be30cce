// A task as the owner of what its async functions await, so far as no body of an operation owns it
// (combine/body_end.ts).

import { type Await, type Awaits, addAwait, findPending, removeAwait } from '../future/awaits'
import type { Branch } from '../future/branch'
import type { Cancellation } from '../future/cancellation'
import { Future } from '../future/future'
import { type AwaitOwner, deliverInto } from '../future/then'
import { FutureState, type Waiter } from '../future/waiter'

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

  /** @internal */
  abstract _wake(): void
  /** @internal */
  abstract _describeWaiter(): string

  /**
   * A request came back to its task: the task waits for one that waits for it. It stops waiting, so that
   * all of them end (asyncio's cancel recurses here until the stack is full).
   *
   * @param branch what the request is for; by default the whole task
   */
  protected leaveCircle(cancellation: Cancellation, branch?: Branch | null): true {
    if (branch) {
      branch.undelivered = cancellation
      leaveOneOf({ _awaits: branch.operation })
      return true
    }
    this._value = cancellation
    const waited = this._waitsFor
    if (waited === null || waited._bodyAwaits !== null) {
      leaveOneOf(waited?._bodyAwaits ?? this)
      return true
    }
    leave(waited, this)
    this._waitsFor = null
    this._wake()
    return true
  }
}

function leaveOneOf(holder: Awaits): void {
  const entry = findPending(holder)
  if (entry === null) return
  leave(entry._future as Future<unknown>, entry)
  entry._wake(entry._future)
}

/** Stops waiting for a future; the error that it may have later concerns nobody. */
function leave(future: Future<unknown>, waiter: Waiter): void {
  future._removeWaiter(waiter)
  future._onDone(() => future._markRetrieved())
}
