// Flow control of what a transport still has to send: the marks, and who is told when they are
// crossed.
//
// Invariant: pause and resume alternate, one call a crossing of the marks.

import { checkInteger, invalidType } from '../errors/arguments'
import type { WriteBufferLimits } from './protocol'

/** Where the high mark stands unless another is set. */
export const HIGH_WATER_BYTES = 64 * 1024

/** What is asked of the handle that sends. */
export interface WriteBuffer {
  bufferedEstimate(): number
  bufferedBytes(): number
  watchDrain(lowBytes: number): void
}

export class WriteFlow {
  private isPaused = false
  private high = HIGH_WATER_BYTES
  private low = HIGH_WATER_BYTES / 4

  constructor(
    private readonly buffer: WriteBuffer,
    private readonly pause: () => void,
    private readonly resume: () => void,
  ) {}

  /** Throws TypeError or RangeError for limits that are none; the old ones stay. */
  setLimits(limits: WriteBufferLimits = {}): void {
    if (typeof limits !== 'object' || limits === null)
      throw invalidType('limits', 'an object', limits)
    const high = limits.high ?? (limits.low === undefined ? HIGH_WATER_BYTES : limits.low * 4)
    checkInteger('limits.high', high, 0)
    const low = limits.low ?? Math.floor(high / 4)
    checkInteger('limits.low', low, 0, high)
    this.high = high
    this.low = low
    if (this.isPaused) this.buffer.watchDrain(low)
  }

  get limits(): { low: number; high: number } {
    return { low: this.low, high: this.high }
  }

  /** More was given to the buffer, or the limits were changed. */
  pauseIfFull(): void {
    if (this.isPaused) return
    const { buffer, high } = this
    // The estimate is cheap and never too low; what it says is looked at closely before it counts.
    if (buffer.bufferedEstimate() <= high || buffer.bufferedBytes() <= high) return
    this.isPaused = true
    buffer.watchDrain(this.low)
    this.pause()
  }

  /** The buffer fell to the mark that was asked for. */
  drained(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.resume()
  }
}
