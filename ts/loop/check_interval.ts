// How often a visit looks at the clock and for I/O. A turn may be as short as 100 ns, so not every time; but
// where turns are long, timers must not wait for sixteen of them. What one visit learns serves the next.

const INTERVAL_MS = 0.1
const TURNS_MAX = 16

export class CheckInterval {
  /** How many turns to run until the next look. */
  turns = TURNS_MAX

  /** `turns` turns took `tookMs` milliseconds. */
  adapt(turns: number, tookMs: number): void {
    const inInterval = Math.floor((turns * INTERVAL_MS) / tookMs)
    this.turns = Math.max(1, Math.min(inInterval, TURNS_MAX))
  }
}
