// What a task remembers of the requests to cancel it, beside their number: the last reason, who asked in
// which branch (future/branch.ts), and the signals that tell of it.
//
// The task counts all requests. The code of one branch sees those that concern it: of the task as a
// whole, and of timeouts and groups around that code. So two timeouts that run side by side may expire
// together, and each finds that nobody but itself has asked.

import type { CancelledError } from '../errors/errors'
import type { Branch } from '../future/branch'
import { type Cancellation, makeCancelledError } from '../future/cancellation'
import { branchHere, taskOfCode } from '../future/stepping'

/**
 * The number of requests stands in the task itself, as most that are cancelled are asked once and
 * without a reason: `REQUEST` for each, and `UNDER_WAY` while one is on its way into what the task
 * waits for.
 */
export const UNDER_WAY = 1
export const REQUEST = 2

interface SignalHolder {
  controller: AbortController | null
}

export class CancelRequests implements SignalHolder {
  /** The reason of the last cancellation that went into no future. */
  reason: unknown = undefined
  /** Behind the `task.signal` of code that is in no branch. */
  controller: AbortController | null = null
  /** The branches whose code has asked for a signal: each has its own. */
  private withSignal: Set<Branch> | null = null
  /** How many requests concerned a branch and are not taken back; the other requests are of the task. */
  private readonly asked = new Map<Branch, number>()
  /** The sum of these. */
  private ofBranches = 0
  /** What a request to a branch is on its way into. */
  underWay: Branch | null = null

  constructor(private readonly task: object) {}

  /** `branch` was asked to stop, and nothing beside it. */
  ask(branch: Branch): void {
    this.asked.set(branch, this.askedOf(branch) + 1)
    this.ofBranches++
  }

  private askedOf(branch: Branch): number {
    return this.asked.get(branch) ?? 0
  }

  private takeFrom(branch: Branch): void {
    const left = this.askedOf(branch) - 1
    if (left === 0) this.asked.delete(branch)
    else this.asked.set(branch, left)
    this.ofBranches--
  }

  /** How many requests concern only what runs beside the code that asks; others than the task see all. */
  beside(): number {
    if (this.ofBranches === 0 || taskOfCode() !== this.task) return 0
    let count = this.ofBranches
    for (let branch = branchHere(this.task); branch !== null; branch = branch.outer) {
      count -= this.askedOf(branch)
    }
    return count
  }

  /** How many of `all` requests are of the task as a whole. */
  ofTask(all: number): number {
    return all - this.ofBranches
  }

  /**
   * One of `all` requests is taken back: the innermost that concerns the code that runs. Other code than
   * that of the task takes one of a branch only if there is no other.
   */
  takeBack(all: number): void {
    for (let branch = this.branchOfCode(); branch !== null; branch = branch.outer) {
      if (!this.asked.has(branch)) continue
      this.takeFrom(branch)
      return
    }
    if (this.ofTask(all) > 0) return
    for (const branch of this.asked.keys()) {
      this.takeFrom(branch)
      branch.undelivered = null
      return
    }
  }

  /** No request is left that concerns the code that runs: what was not delivered is dropped. */
  settle(isLast: boolean): void {
    for (let branch = this.branchOfCode(); branch !== null; branch = branch.outer) {
      branch.undelivered = null
      this.renewBranch(branch)
    }
    if (!isLast) return
    renew(this)
    for (const branch of [...(this.withSignal ?? [])]) this.renewBranch(branch)
  }

  private renewBranch(branch: Branch): void {
    renew(branch)
    if (branch.controller === null) this.withSignal?.delete(branch)
  }

  private branchOfCode(): Branch | null {
    return taskOfCode() === this.task ? branchHere(this.task) : null
  }

  /** The signal for the code that runs; aborted at once if `isAsked`. */
  signal(isAsked: boolean): AbortSignal {
    const branch = this.branchOfCode()
    const holder: SignalHolder = branch ?? this
    if (branch !== null) {
      this.withSignal ??= new Set()
      this.withSignal.add(branch)
    }
    if (holder.controller === null) {
      holder.controller = new AbortController()
      if (isAsked) holder.controller.abort(makeCancelledError(this.reason, this.task))
    }
    return holder.controller.signal
  }

  /** Aborts the signals of a branch and of those in it; null: all. Their listeners may throw nothing. */
  abortSignals(within: Branch | null, cancellation: Cancellation): void {
    if (within === null) this.controller?.abort(cancellation.makeError(this.task))
    for (const branch of [...(this.withSignal ?? [])]) {
      if (within !== null && !branch.isWithin(within)) continue
      branch.controller?.abort(cancellation.makeError(this.task))
    }
  }

  /** The reason with which the signal of `branch`, or one around it, was aborted; undefined if none was. */
  abortedBy(branch: Branch | null): CancelledError | undefined {
    const signal = (branch ?? this).controller?.signal
    if (signal?.aborted === true) return signal.reason as CancelledError
    return branch === null ? undefined : this.abortedBy(branch.outer)
  }

  /** Its operation has ended. A request that it did not take back stays one of what is around it. */
  branchEnded(branch: Branch): void {
    this.withSignal?.delete(branch)
    const left = this.askedOf(branch)
    if (left === 0) return
    this.asked.delete(branch)
    const { outer } = branch
    if (outer === null) this.ofBranches -= left
    else this.asked.set(outer, this.askedOf(outer) + left)
  }
}

/** A signal that was aborted says so for ever: who asks again gets another. */
function renew(holder: SignalHolder): void {
  if (holder.controller?.signal.aborted === true) holder.controller = null
}
