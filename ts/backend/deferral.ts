// How a visit goes on after it handed back: behind the microtasks that are due, as long as the
// budget lasts, and then behind Node's own events. Shared by both backends.
//
// A tick scheduled from a microtask runs when the microtask queue is empty; one scheduled from
// elsewhere may run before it (Node's processTicksAndRejections drains ticks first).

import { type BackendHost, VISIT_BUDGET_MS } from './backend'
import { monotonicMs } from './clock'

export class Deferral {
  /** When the series of visits began; null until its first visit has. */
  private startedMs: number | null = null
  private inMicrotask = false
  private readonly inFirst: () => void
  private readonly inTick: () => void
  private readonly enterTick = () => process.nextTick(this.inTick)

  /**
   * @param visit the first visit of a series
   * @param goOn called when all microtasks behind a visit have run
   */
  constructor(
    private readonly host: BackendHost,
    visit: () => void,
    goOn: () => void,
  ) {
    this.inFirst = () => {
      this.inMicrotask = true
      try {
        visit()
      } finally {
        this.inMicrotask = false
      }
    }
    this.inTick = goOn
  }

  /** A new series of visits begins. */
  begin(): void {
    this.startedMs = null
  }

  /** A new series of visits begins, with the next microtask. */
  beginInMicrotask(): void {
    this.startedMs = null
    // It makes an AsyncResource of Node's, but a promise's `then` is dearer where promise hooks are on.
    queueMicrotask(this.inFirst)
  }

  /**
   * Whether the series has had its time, and Node's own events must get theirs. REQUIRES: a visit of the
   * series is just over.
   */
  isOverBudget(): boolean {
    this.startedMs ??= this.host.visitBeganMs
    return monotonicMs() - this.startedMs > VISIT_BUDGET_MS
  }

  /** Goes on when all microtasks that are queued now, and those that they queue, have run. */
  afterMicrotasks(): void {
    if (this.inMicrotask) process.nextTick(this.inTick)
    else queueMicrotask(this.enterTick)
  }
}
