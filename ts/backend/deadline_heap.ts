// A binary heap of deadlines in (deadline, arming) order, in typed arrays. Cancelled entries stay
// until they come up, or until they are the larger part (asyncio's loops do the same).

const INITIAL_CAPACITY = 64
const COMPACT_MIN = 64

export class DeadlineHeap {
  size = 0
  private deadlines = new Float64Array(INITIAL_CAPACITY)
  /** Arming numbers: they settle the order of equal deadlines. */
  private orders = new Float64Array(INITIAL_CAPACITY)
  private slots = new Int32Array(INITIAL_CAPACITY)
  private generations = new Int32Array(INITIAL_CAPACITY)
  private nextOrder = 0
  private cancelledCount = 0

  /** The earliest deadline; Infinity when the heap is empty. */
  nextNs(): number {
    return this.size === 0 ? Infinity : this.deadlines[0]!
  }

  firstSlot(): number {
    return this.slots[0]!
  }

  firstGeneration(): number {
    return this.generations[0]!
  }

  push(deadline: number, slot: number, generation: number): void {
    if (this.size === this.deadlines.length) this.grow()
    const order = this.nextOrder++
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      // The newest entry stands behind all equal ones, so only a later parent moves down.
      if (this.deadlines[parent]! <= deadline) break
      this.move(parent, at)
      at = parent
    }
    this.set(at, deadline, order, slot, generation)
  }

  /** REQUIRES: the heap is not empty. */
  pop(): void {
    const last = --this.size
    if (last > 0) this.sink(0, last)
  }

  /** One more entry is of no use; drops all such when they are the larger part. */
  noteCancelled(isStale: (slot: number, generation: number) => boolean): void {
    this.cancelledCount++
    if (this.cancelledCount < COMPACT_MIN || this.cancelledCount * 2 < this.size) return
    this.cancelledCount = 0
    let kept = 0
    for (let i = 0; i < this.size; i++) {
      if (isStale(this.slots[i]!, this.generations[i]!)) continue
      this.move(i, kept)
      kept++
    }
    this.size = kept
    for (let i = (kept >> 1) - 1; i >= 0; i--) this.sink(i, i)
  }

  /** Puts the entry that stands at `from` where it belongs at or below `at`. */
  private sink(at: number, from: number): void {
    const deadline = this.deadlines[from]!
    const order = this.orders[from]!
    const slot = this.slots[from]!
    const generation = this.generations[from]!
    for (;;) {
      let child = at * 2 + 1
      if (child >= this.size) break
      if (child + 1 < this.size && this.isBefore(child + 1, child)) child++
      const childDeadline = this.deadlines[child]!
      if (deadline < childDeadline) break
      if (deadline === childDeadline && order < this.orders[child]!) break
      this.move(child, at)
      at = child
    }
    this.set(at, deadline, order, slot, generation)
  }

  private isBefore(a: number, b: number): boolean {
    const difference = this.deadlines[a]! - this.deadlines[b]!
    return difference < 0 || (difference === 0 && this.orders[a]! < this.orders[b]!)
  }

  private move(from: number, to: number): void {
    this.set(
      to,
      this.deadlines[from]!,
      this.orders[from]!,
      this.slots[from]!,
      this.generations[from]!,
    )
  }

  private set(at: number, deadline: number, order: number, slot: number, generation: number): void {
    this.deadlines[at] = deadline
    this.orders[at] = order
    this.slots[at] = slot
    this.generations[at] = generation
  }

  private grow(): void {
    const capacity = this.deadlines.length * 2
    const enlarge = <A extends Float64Array | Int32Array>(old: A, made: A): A => {
      made.set(old)
      return made
    }
    this.deadlines = enlarge(this.deadlines, new Float64Array(capacity))
    this.orders = enlarge(this.orders, new Float64Array(capacity))
    this.slots = enlarge(this.slots, new Int32Array(capacity))
    this.generations = enlarge(this.generations, new Int32Array(capacity))
  }
}
