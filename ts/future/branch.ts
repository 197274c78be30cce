// Branch: what a timeout or a group of an async function cancels.
//
// Async functions that are called side by side, as in `gather(f(), g())`, run in one task: nobody can tell
// a promise apart from the function that made it. So a timeout inside of `f` must not cancel the task, as
// asyncio's does: it would reach `g`, and who waits for both. It cancels the operation that is being
// awaited, and through it what its body awaits (see combine/body_end.ts): the branch. In a task that does
// one thing at a time this is the same.
//
// A generator coroutine does one thing at a time: its main line has no branch, and a timeout in it
// cancels the task.

import type { Await, AwaitedFuture } from './awaits'
import type { Cancellation } from './cancellation'

/** The await of an operation; `_owner` is what the code that awaits it belongs to. */
export interface OperationAwait extends Await {
  readonly _owner: { _waitsOnlyFor(entry: Await): boolean } | null
}

/** A task, as far as its branches concern it. */
export interface BranchedTask {
  /** @internal A cancellation that comes at its next wait, whatever that is. */
  _cancelLater(cancellation: Cancellation): void
  /** @internal */
  _branchEnded(branch: Branch): void
}

export class Branch {
  /** @internal The operation whose branch it is; null in its first step. */
  operation: OperationAwait | null = null
  /** @internal What was asked for and has reached nothing yet. */
  undelivered: Cancellation | null = null
  /** @internal Behind the `task.signal` of code in this branch. */
  controller: AbortController | null = null
  private isEnded = false

  /** @param around the branch in which the operation is awaited; null: none */
  constructor(
    readonly task: BranchedTask,
    private around: Branch | null,
  ) {}

  /** The next branch around it that has not ended: those that have are kept by nobody. */
  get outer(): Branch | null {
    while (this.around?.isEnded === true) this.around = this.around.around
    return this.around
  }

  isWithin(branch: Branch): boolean {
    for (let one: Branch | null = this; one !== null; one = one.outer) {
      if (one === branch) return true
    }
    return false
  }

  /** Whether the task does nothing beside it, as far as it is seen: a foreign promise is not. */
  isAlone(): boolean {
    const { operation } = this
    return operation?._owner?._waitsOnlyFor(operation) === true
  }

  /** Cancels what the operation waits for. What waits for nothing now is cancelled at its next wait. */
  deliver(cancellation: Cancellation): void {
    const isReached = this.operation?._future._cancelWith(cancellation) === true
    if (!isReached) this.undelivered = cancellation
  }

  /** The operation begins to wait for `future`: what reached nothing before goes into that. */
  deliverInto(future: AwaitedFuture): void {
    const { undelivered } = this
    if (undelivered !== null && future._cancelWith(undelivered)) this.undelivered = null
  }

  takeUndelivered(): Cancellation | null {
    const { undelivered } = this
    this.undelivered = null
    return undelivered
  }

  /** The operation has ended. What reached nothing comes at what is awaited next. */
  end(): void {
    this.isEnded = true
    // Its context is that of the code around it, and so on outward: functions left behind would keep all.
    this.operation = null
    const { outer } = this
    const cancellation = this.takeUndelivered()
    if (cancellation !== null) {
      if (outer === null) this.task._cancelLater(cancellation)
      else outer.undelivered = cancellation
    }
    this.task._branchEnded(this)
  }
}
