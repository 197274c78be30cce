// The timeout of a socket, as net.Socket has it: 'timeout' is emitted when nothing was read or
// written for a while. It says so and does nothing else; whoever listens decides.

import { checkDelay, checkFunction } from '../errors/arguments'

/** What has the timeout. */
export interface Idler {
  emit(event: 'timeout'): boolean
  once(event: 'timeout', callback: () => void): unknown
  removeListener(event: 'timeout', callback: () => void): unknown
  /** @internal */
  _unsent(): number
}

/** What Node's timers can wait for at most; told to wait longer they wait for one millisecond. */
const TIMER_MS_MAX = 0x7fffffff

export class IdleTimer {
  /** What was set last; undefined before. */
  ms: number | undefined
  private timer: NodeJS.Timeout | null = null
  private unsentBefore = 0

  constructor(private readonly owner: Idler) {}

  /** REQUIRES: nothing. 0 switches it off, and takes `callback` off the listeners. */
  set(ms: number, callback?: () => void): void {
    checkDelay('msecs', ms)
    if (callback !== undefined) checkFunction('callback', callback)
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.ms = ms
    if (ms > 0) this.arm(ms)
    if (callback === undefined) return
    if (ms > 0) this.owner.once('timeout', callback)
    else this.owner.removeListener('timeout', callback)
  }

  /** Something was read or written. */
  refresh(): void {
    this.timer?.refresh()
  }

  /** The timer keeps no process alive: the connection does. */
  private arm(ms: number): void {
    this.unsentBefore = this.owner._unsent()
    this.timer = setTimeout(() => this.expired(ms), Math.min(ms, TIMER_MS_MAX))
    this.timer.unref()
  }

  private expired(ms: number): void {
    // A peer that takes a large write slowly is not idle.
    const unsent = this.owner._unsent()
    if (unsent > 0 && unsent < this.unsentBefore) {
      this.arm(ms)
      return
    }
    this.unsentBefore = unsent
    this.owner.emit('timeout')
  }
}
