// What belongs to a loop and is driven by Node instead of the loop's backend: child processes, signal
// handlers, streams of Node's.
//
// Node counts such a thing among what keeps the process alive, whatever becomes of the loop; so each
// hears when the loop starts or stops to run, and when it is closed.

export interface ForeignHandle {
  /** @internal The loop began or ended to run: keep the process alive, or not. */
  loopChanged(): void
  /** @internal The loop is closed for good: let go of everything. */
  loopClosed(): void
}

export class ForeignHandles {
  private readonly open = new Set<ForeignHandle>()

  /** How many are open. */
  get size(): number {
    return this.open.size
  }

  add(handle: ForeignHandle): void {
    this.open.add(handle)
  }

  delete(handle: ForeignHandle): void {
    this.open.delete(handle)
  }

  loopChanged(): void {
    for (const handle of [...this.open]) handle.loopChanged()
  }

  loopClosed(): void {
    for (const handle of [...this.open]) handle.loopClosed()
    this.open.clear()
  }
}
