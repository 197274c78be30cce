// The timers of a loop, on their way to the backend. The one that was armed last in a visit is held back
// until the next is armed, the visit looks at the clock, or it ends: what is over at once, such as a limit
// on what turned out to be there already, cancels its timer before anybody else had to know of it.
//
// Invariants: 1. A target's `_slot` is that of its timer in the table, HELD while it is held back, and
//                IDLE otherwise.
//             2. Timers reach the backend in the order in which they were armed.
//             3. None is held back outside of visits.

import type { Backend } from '../backend/backend'
import { isBeyondClock, TimerTable, type TimerTarget } from '../backend/timer_table'

/** A target's `_slot` while no timer of it is armed. */
export const IDLE = -1
const HELD = -2

export class Timers {
  readonly table = new TimerTable()
  private backend!: Backend
  private held: TimerTarget | null = null
  /** The deadline of the timer that was armed last. */
  lastMs = 0
  private mayHold = false
  private isVirtual = false

  /** Once, before any other call. */
  connect(backend: Backend, isVirtual: boolean): void {
    this.backend = backend
    this.isVirtual = isVirtual
  }

  /** How many are armed. */
  get armed(): number {
    return this.table.armed + Number(this.held !== null)
  }

  /** REQUIRES: no timer of `target` is armed. `timerFired` is called in the turn in which it is due. */
  arm(target: TimerTarget, whenMs: number): void {
    if (this.held !== null) this.submit()
    this.lastMs = whenMs
    this.hold(target)
  }

  /**
   * As `arm`, for a delay from now. The clock is read here, as V8 makes an object of a time with fractions
   * that is passed on.
   */
  armIn(target: TimerTarget, delayMs: number): void {
    if (this.held !== null) this.submit()
    this.lastMs = this.backend.time() + delayMs
    this.hold(target)
  }

  /** Harmless when it has fired, or was never armed. */
  cancel(target: TimerTarget): void {
    const slot = target._slot
    if (slot === IDLE) return
    target._slot = IDLE
    if (slot === HELD) {
      this.held = null
      return
    }
    this.backend.cancelTimer(slot)
    this.table.release(slot)
  }

  /** The timer of an entry of the ready ring; undefined when it was cancelled meanwhile. */
  take(slot: number, generation: number): TimerTarget | undefined {
    const target = this.table.take(slot, generation)
    if (target !== undefined) target._slot = IDLE
    return target
  }

  visitBegins(): void {
    this.mayHold = true
  }

  visitEnds(): void {
    this.mayHold = false
    this.submit()
  }

  /** Gives the backend the timer that is held back, if there is one. */
  submit(): void {
    const { held } = this
    if (held === null) return
    this.held = null
    if (this.isVirtual && isBeyondClock(this.lastMs)) {
      // A clock that jumps to the next timer must not jump there: such a timer never fires.
      held._slot = IDLE
      return
    }
    const slot = this.table.add(held)
    held._slot = slot
    this.backend.armTimer(slot, this.lastMs)
  }

  private hold(target: TimerTarget): void {
    this.held = target
    target._slot = HELD
    if (!this.mayHold) this.submit()
  }
}
