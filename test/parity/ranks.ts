// Ranks: the rule that keeps waiting from going in a circle, in which cancel() would recurse without
// end. Every coroutine instance has a rank, in order of creation; a future has the rank of what it
// stands for, plain ones above all. A task awaits only what has a higher rank than itself (and itself,
// which is an error).

import { currentTask, type Future } from 'gyre'

const instancesMax = 80
/** The rank of a plain future. */
export const plainRank = 2 ** 30
/** What a statement gives that found nothing to do. */
export const skip = 'skip'

/** One coroutine object of a program. */
export type Instance = { coro: number; label: string; rank: number }

export class Ranks {
  /** The highest rank there is. */
  highest = 0
  /** How many instances there are of each coroutine. */
  private readonly counts = new Map<number, number>()
  private readonly byFuture = new Map<Future<unknown>, number>()
  private readonly awaitedThemselves = new Set<Future<unknown>>()
  private readonly heldForLater = new Set<Future<unknown>>()

  /** A new instance of the coroutine, or null when the program has made too many. */
  instance(coro: number): Instance | null {
    if (this.highest >= instancesMax) return null
    this.highest++
    const count = (this.counts.get(coro) ?? 0) + 1
    this.counts.set(coro, count)
    return { coro, label: `c${coro}.${count}`, rank: this.highest }
  }

  keep(future: Future<unknown>, rank: number): void {
    // What has a rank keeps it: shield() of a done future gives that very future.
    if (!this.byFuture.has(future)) this.byFuture.set(future, rank)
  }

  of(future: Future<unknown> | null): number {
    return future === null ? 0 : (this.byFuture.get(future) ?? 0)
  }

  mayAwait(future: Future<unknown>): boolean {
    if (this.awaitedThemselves.has(future)) return false
    return this.of(future) > this.of(currentTask())
  }

  /**
   * Whether it is the current task: awaiting it is an error, to be provoked once. CPython's C code then
   * leaves the task marked as being awaited, so that nobody else may be let near it afterwards.
   */
  mayAwaitItself(future: Future<unknown>): boolean {
    if (future !== currentTask() || this.awaitedThemselves.has(future)) return false
    if (this.heldForLater.has(future)) return false
    this.awaitedThemselves.add(future)
    return true
  }

  /** Something that has not begun yet is going to await it. */
  holdForLater(future: Future<unknown>): void {
    this.heldForLater.add(future)
  }
}
