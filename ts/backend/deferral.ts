// How a visit goes on after it handed back: behind the microtasks that are due, as long as the
// budget lasts, and then behind Node's own events. Shared by both backends.

import { VISIT_BUDGET_MS } from './backend'
import { monotonicMs } from './clock'

/**
 * Calls `visit` when all microtasks that are queued now, and those that they queue, have run. A
 * tick scheduled from a microtask runs when the microtask queue is empty; one scheduled from
 * elsewhere may run before it (Node's processTicksAndRejections drains ticks first).
 */
export class Deferral {
  private startedMs = 0
  private readonly enterTick = () => process.nextTick(this.visit)

  constructor(private readonly visit: () => void) {}

  /** A new series of visits begins. */
  begin(): void {
    this.startedMs = monotonicMs()
  }

  /** Whether the series has had its time, and Node's own events must get theirs. */
  isOverBudget(): boolean {
    return monotonicMs() - this.startedMs > VISIT_BUDGET_MS
  }

  afterMicrotasks(): void {
    queueMicrotask(this.enterTick)
  }
}
