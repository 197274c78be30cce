// A binary heap of deadlines in (deadline, arming) order, in typed arrays. Cancelled entries stay
// until they come up, or until they are the larger part (asyncio's loops do the same).
//
// Timers are mostly armed in the order of their deadlines. As long as they are, the entries are a
// sorted list, which is a heap too, and whose first is taken without moving the others.
//
// Invariants: 1. The entries stand at `head` to `head + size`; `head` is 0 unless they are sorted.
//             2. Without entries, they count as sorted.

const INITIAL_CAPACITY = 64
const COMPACT_MIN = 64

export class DeadlineHeap {
  size = 0
  private head = 0
  private isSorted = true
  private deadlines = new Float64Array(INITIAL_CAPACITY)
  /** Arming numbers: they settle the order of equal deadlines. */
  private orders = new Float64Array(INITIAL_CAPACITY)
  private slots = new Int32Array(INITIAL_CAPACITY)
  private generations = new Int32Array(INITIAL_CAPACITY)
  private nextOrder = 0
  private cancelledCount = 0

  /** The earliest deadline; Infinity when the heap is empty. */
  nextNs(): number {
    return this.size === 0 ? Infinity : this.deadlines[this.head]!
  }

  firstSlot(): number {
    return this.slots[this.head]!
  }

  firstGeneration(): number {
    return this.generations[this.head]!
  }

  push(deadline: number, slot: number, generation: number): void {
    if (this.head + this.size === this.deadlines.length) this.makeRoom()
    const order = this.nextOrder++
    if (this.isSorted) {
      const end = this.head + this.size
      if (this.size === 0 || this.deadlines[end - 1]! <= deadline) {
        this.set(end, deadline, order, slot, generation)
        this.size++
        return
      }
      this.moveToFront()
      this.isSorted = false
    }
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
    if (last === 0) {
      this.head = 0
      this.isSorted = true
    } else if (this.isSorted) this.head++
    else this.sink(0, last)
  }

  /** One more entry is of no use; drops all such when they are the larger part. */
  noteCancelled(isStale: (slot: number, generation: number) => boolean): void {
    this.cancelledCount++
    if (this.cancelledCount < COMPACT_MIN || this.cancelledCount * 2 < this.size) return
    this.cancelledCount = 0
    let kept = 0
    const end = this.head + this.size
    for (let i = this.head; i < end; i++) {
      if (isStale(this.slots[i]!, this.generations[i]!)) continue
      this.move(i, kept)
      kept++
    }
    this.size = kept
    this.head = 0
    if (kept === 0) this.isSorted = true
    if (this.isSorted) return
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

  private makeRoom(): void {
    // What is moved is not more than what was taken out since it was moved last.
    if (this.head >= this.size) this.moveToFront()
    else this.grow()
  }

  private moveToFront(): void {
    const { head, size } = this
    for (const array of [this.deadlines, this.orders, this.slots, this.generations]) {
      array.copyWithin(0, head, head + size)
    }
    this.head = 0
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
