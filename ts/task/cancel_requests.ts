// What a task remembers of the requests to cancel it, beside their number: the last reason, who asked in
// which branch (future/branch.ts), and the signals that tell of it.
//
// The task counts all requests. The code of one branch sees those that concern it: of the task as a
// whole, and of timeouts and groups around that code. So two timeouts that run side by side may expire
// together, and each finds that nobody but itself has asked.

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
  /** A branch for each request that concerned one and is not taken back. */
  private asked: Branch[] | null = null

  constructor(private readonly task: object) {}

  /** `branch` was asked to stop, and nothing beside it. */
  ask(branch: Branch): void {
    this.asked ??= []
    this.asked.push(branch)
  }

  /** How many requests concern only what runs beside the code that asks; others than the task see all. */
  beside(): number {
    const { asked, task } = this
    if (asked === null || taskOfCode() !== task) return 0
    const here = branchHere(task)
    return asked.filter((branch) => here?.isWithin(branch) !== true).length
  }

  /** One request is taken back: the innermost that concerns the code that runs. */
  takeBack(): void {
    const { asked } = this
    if (asked === null) return
    for (let branch = this.branchOfCode(); branch !== null; branch = branch.outer) {
      const index = asked.lastIndexOf(branch)
      if (index === -1) continue
      asked.splice(index, 1)
      return
    }
  }

  /** No request is left that concerns the code that runs: what was not delivered is dropped. */
  settle(isLast: boolean): void {
    for (let branch = this.branchOfCode(); branch !== null; branch = branch.outer) {
      branch.undelivered = null
      renew(branch)
    }
    if (!isLast) return
    this.asked = null
    renew(this)
    for (const branch of this.withSignal ?? []) renew(branch)
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

  /** The reason with which the signal of the main line was aborted; undefined if it was not. */
  abortedBy(): Error | undefined {
    const signal = this.controller?.signal
    return signal?.aborted === true ? (signal.reason as Error) : undefined
  }

  /** @internal The operation of the branch has ended. */
  branchEnded(branch: Branch): void {
    this.withSignal?.delete(branch)
  }
}

/** A signal that was aborted says so for ever: who asks again gets another. */
function renew(holder: SignalHolder): void {
  if (holder.controller?.signal.aborted === true) holder.controller = null
}
