// Tasks that wait for a lock, an event or a queue: futures in the order in which they came.

import { RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'

/**
 * The futures that wait for one thing. All are of one loop: that of the first wait (asyncio binds
 * its locks and queues to a loop in the same way).
 */
export class Waiters {
  private readonly futures = new Set<Future<void>>()
  private loop: EventLoop | null = null

  /** @param owner what waits, for messages */
  constructor(private readonly owner: string) {}

  get size(): number {
    return this.futures.size
  }

  /** A pending future at the end. Throws RuntimeError on a loop other than that of the first. */
  add(): Future<void> {
    const loop = schedulingLoop()
    this.loop ??= loop
    if (this.loop !== loop) {
      const message = `the ${this.owner} is bound to a different event loop`
      throw new RuntimeError(message, 'ERR_WRONG_LOOP')
    }
    const future = new Future<void>(loop)
    this.futures.add(future)
    return future
  }

  /** Harmless when it is not among them any more. */
  remove(future: Future<void>): void {
    this.futures.delete(future)
  }

  /** The one that came first; null if nobody waits. */
  first(): Future<void> | null {
    if (this.futures.size === 0) return null
    for (const future of this.futures) return future
    return null
  }

  /** Whether one waits that was not cancelled. */
  hasLive(): boolean {
    if (this.futures.size === 0) return false
    for (const future of this.futures) {
      if (!future.cancelled()) return true
    }
    return false
  }

  /** Wakes up to `count` that are pending, leaving them here; returns how many it were. */
  wake(count: number): number {
    let woken = 0
    if (this.futures.size === 0) return woken
    for (const future of this.futures) {
      if (woken >= count) break
      if (future.done()) continue
      future.setResult(undefined)
      woken++
    }
    return woken
  }

  /** Takes out the first ones, up to and with the first that is pending, and wakes that one. */
  takeAndWakeNext(): void {
    if (this.futures.size === 0) return
    for (const future of this.futures) {
      this.futures.delete(future)
      if (future.done()) continue
      future.setResult(undefined)
      return
    }
  }

  /** Takes out and wakes all. */
  takeAndWakeAll(): void {
    const futures = [...this.futures]
    this.futures.clear()
    for (const future of futures) {
      if (!future.done()) future.setResult(undefined)
    }
  }
}
