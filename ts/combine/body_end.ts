// The end of an async body, and what the body awaits.
//
// The code of the body, and of the async functions that it calls, belongs to it, by the context. So a
// cancellation goes the way of what waits for what: to who waits for the body, through its end, into
// what the body awaits.

import { isCancelled } from '../errors/errors'
import {
  type Await,
  type Awaits,
  addAwait,
  cancelAwaits,
  listAwaits,
  removeAwait,
} from '../future/awaits'
import type { Branch, OperationAwait } from '../future/branch'
import type { Cancellation } from '../future/cancellation'
import { Future } from '../future/future'
import { branchHere } from '../future/stepping'
import { type AwaitOwner, deliverInto } from '../future/then'
import { FutureState } from '../future/waiter'
import { taskStore } from '../loop/context'
import { currentTask } from '../task/current'
import type { Task } from '../task/task'

/**
 * It is never cancelled itself: who waits for it waits until the `finally` blocks of the body have run.
 */
export class BodyEnd<T> extends Future<T> implements AwaitOwner {
  static override readonly _isInner = true
  /** @internal */ _awaits: Await | Set<Await> | null = null
  /** @internal */ readonly _branch: Branch | null
  private around: AwaitOwner
  /** The last request to cancel came from the code of the body itself. */
  private isAskedByBody = false

  constructor(readonly _task: Task<unknown>) {
    super(_task._loop)
    this._branch = branchHere(_task)
    const around = taskStore.getStore() as AwaitOwner | undefined
    this.around = around?._task === _task ? (around._live() ?? _task) : _task
  }

  override get _bodyAwaits(): Awaits {
    return this
  }

  override _cancelWith(cancellation: Cancellation): boolean {
    if (this._state !== FutureState.PENDING) return false
    this.isAskedByBody = currentTask() === this._task
    return cancelAwaits(this, cancellation)
  }

  /**
   * In asyncio nobody waits between a body and what runs it: an error passes through, and a cancellation
   * that was asked for comes at the next wait. So a group inside a group hands its errors on, and a body
   * that cancels its own task and returns has returned. A body that was cancelled from outside while it
   * awaited a foreign promise is cancelled here, so that a timeout around it does not pass unnoticed.
   */
  override _keepsOutcome(): boolean {
    if (this.isAskedByBody) return true
    return this._state === FutureState.EXCEPTION && !isCancelled(this._value)
  }

  override setResult(value: T): void {
    this.leave()
    super.setResult(value)
  }

  /** For a body that turned out not to be async. */
  close(): void {
    this.setResult(undefined as T)
  }

  override setException(error: unknown): void {
    this.leave()
    const cancellation = this._task._cancellationOf(error, this._branch)
    super.setException(cancellation?.makeError(this._task) ?? error)
  }

  /** What is around it and not over; the task, when all is. What is over is not kept. */
  private outer(): AwaitOwner {
    this.around = this.around._live() ?? this._task
    return this.around
  }

  /** What the body left behind goes on in what is around it. */
  private leave(): void {
    const around = this.outer()._live()
    if (around !== null) for (const entry of listAwaits(this)) addAwait(around, entry)
    this._awaits = null
  }

  /** @internal */
  _live(): AwaitOwner | null {
    return this._state === FutureState.PENDING ? this : this.outer()._live()
  }

  /** @internal */
  _beginAwait(entry: Await): void {
    if (this._state !== FutureState.PENDING) {
      this.outer()._beginAwait(entry)
      return
    }
    addAwait(this, entry)
    deliverInto(this, entry._future)
  }

  /** @internal */
  _endAwait(entry: Await): void {
    if (this._state === FutureState.PENDING) removeAwait(this, entry)
    else this.outer()._endAwait(entry)
  }

  /** @internal */
  _undelivered(): Cancellation | null {
    const around = this.outer()._undelivered()
    if (around !== null || this._state !== FutureState.PENDING) return around
    return this._branch?.undelivered ?? null
  }

  /** @internal Two requests that wait are delivered as one. */
  _delivered(): void {
    if (this._state === FutureState.PENDING) this._branch?.takeUndelivered()
    this.outer()._delivered()
  }

  /** @internal */
  _waitsOnlyFor(entry: Await): boolean {
    const waiter = this._waiters
    if (this._awaits !== entry || waiter === null || Array.isArray(waiter)) return false
    if (waiter === this._task) return this._task._awaits === null
    const operation = waiter as OperationAwait
    return operation._owner?._waitsOnlyFor(operation) === true
  }
}
