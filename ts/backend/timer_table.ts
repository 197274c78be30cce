// The timers of a loop, as TypeScript sees them: which object fires for which slot. The deadlines
// live in the backend's wheel (native) or heap (fallback), which know slots and generations only.
//
// Invariants: 1. targets[s] is set exactly while slot s is armed.
//             2. generations[s] changes whenever slot s is released, so that an expiry which is
//                already in the ready ring when its timer is cancelled finds nobody.

/** What a timer does when it fires. */
export interface TimerTarget {
  /** @internal Where its timer stands: see loop/timers.ts, which alone writes it. */
  _slot: number
  /** @internal */
  timerFired(): void
}

const GENERATION_MASK = 0xffffff
const INITIAL_SLOTS = 64
/** The latest deadline that can be expressed: about 146 years of nanoseconds. */
const DEADLINE_NS_MAX = 2 ** 62

/**
 * A time on the loop's clock as backends keep it: whole nanoseconds, so that both order alike. The first
 * that does not read as earlier: who sleeps until a time must not find the clock before it.
 */
export function deadlineNs(whenMs: number): number {
  const nearest = Math.round(whenMs * 1e6)
  const ns = nearest / 1e6 < whenMs ? nearest + 1 : nearest
  return Math.max(0, Math.min(ns, DEADLINE_NS_MAX))
}

/** Whether a time is later than clocks can show, as Infinity is. */
export function isBeyondClock(whenMs: number): boolean {
  return whenMs * 1e6 >= DEADLINE_NS_MAX
}

export class TimerTable {
  private targets: (TimerTarget | undefined)[] = []
  private generations = new Int32Array(INITIAL_SLOTS)
  private free = new Int32Array(INITIAL_SLOTS)
  private freeCount = 0
  /** How many timers are armed. */
  armed = 0

  generationOf(slot: number): number {
    return this.generations[slot]!
  }

  add(target: TimerTarget): number {
    this.armed++
    if (this.freeCount > 0) {
      const slot = this.free[--this.freeCount]!
      this.targets[slot] = target
      return slot
    }
    const slot = this.targets.push(target) - 1
    if (slot >= this.generations.length) this.grow()
    return slot
  }

  /** Takes the target of an expired timer out; undefined when it was cancelled meanwhile. */
  take(slot: number, generation: number): TimerTarget | undefined {
    if (this.generations[slot] !== generation) return undefined
    const target = this.targets[slot]
    if (target !== undefined) this.release(slot)
    return target
  }

  /** REQUIRES: the slot is armed. */
  release(slot: number): void {
    this.targets[slot] = undefined
    this.generations[slot] = (this.generations[slot]! + 1) & GENERATION_MASK
    this.free[this.freeCount++] = slot
    this.armed--
  }

  private grow(): void {
    const generations = new Int32Array(this.generations.length * 2)
    generations.set(this.generations)
    this.generations = generations
    const free = new Int32Array(generations.length)
    free.set(this.free)
    this.free = free
  }
}
