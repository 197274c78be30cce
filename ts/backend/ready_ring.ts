// The ready queue of a loop: one FIFO with two producers and one consumer.
//
// TypeScript pushes callbacks and task wake-ups, native code pushes expired timers and completed
// I/O; the loop's dispatcher is the only consumer. An entry is four 32-bit words,
// `[kind | generation << 8, slot, a, b]`, in memory that native code shares. What TypeScript pushes
// is an object, kept at the same index of `items`, so no table of slots is needed for it.
//
// Invariants: 1. `tail - head` entries are ready; both counters run freely and wrap at 2^32.
//             2. items[i] is set exactly for the ready entries whose kind is JS_KIND or above.
//             3. Only pushes and native code move the tail, only the dispatcher and `putBack` the head.
// Knows nothing of what the kinds mean.

/** Words of the control block that native code shares; asserted against the addon at load. */
export const Control = {
  READY_HEAD: 0,
  READY_TAIL: 1,
  SUBMIT_HEAD: 2,
  SUBMIT_TAIL: 3,
  /** 1: nobody will look at the rings unless somebody wakes the loop. */
  ASLEEP: 4,
  /** The token of what a cold call made. */
  RESULT_SLOT: 5,
  RESULT_GENERATION: 6,
  /** So many bytes at the beginning of the receive slab are kept for good. */
  RECEIVE_KEPT: 8,
  /** 1: native code needs another slab to receive into, as the old one is kept. */
  RECEIVE_SLAB_SPENT: 9,
} as const

export const CONTROL_WORDS = 16

/** Kinds from here on have an object in `items`; those below are the backend's, and have none. */
export const JS_KIND = 32
/** The kind of entries whose object just has to be run: `item.run()`. */
export const RUN_KIND = JS_KIND

export const ENTRY_BYTES = 16
const INITIAL_CAPACITY = 256

export class ReadyRing {
  /** Shared with native code; see Control. */
  readonly control = new Int32Array(new ArrayBuffer(CONTROL_WORDS * 4))
  words: Int32Array
  items: unknown[]
  mask: number
  /** Called when an entry is pushed while the loop is asleep. Set by the backend. */
  onWake: () => void = () => {}
  /** Called after the ring moved to a larger buffer. Set by the backend. */
  onGrow: (buffer: ArrayBuffer) => void = () => {}

  constructor(capacity = INITIAL_CAPACITY) {
    this.words = new Int32Array(new ArrayBuffer(capacity * ENTRY_BYTES))
    this.items = new Array<unknown>(capacity).fill(undefined)
    this.mask = capacity - 1
  }

  get size(): number {
    return (this.control[Control.READY_TAIL]! - this.control[Control.READY_HEAD]!) | 0
  }

  get buffer(): ArrayBuffer {
    return this.words.buffer as ArrayBuffer
  }

  /** Appends an object; `kind` tells the dispatcher how to run it. */
  push(kind: number, item: object): void {
    const control = this.control
    const tail = control[Control.READY_TAIL]!
    if (((tail - control[Control.READY_HEAD]!) | 0) > this.mask) this.grow()
    const index = tail & this.mask
    this.words[index << 2] = kind
    this.items[index] = item
    control[Control.READY_TAIL] = tail + 1
    if (control[Control.ASLEEP] !== 0) this.onWake()
  }

  /** Puts an object before all others: one that was taken out and is not finished. */
  putBack(kind: number, item: object): void {
    if (this.size > this.mask) this.grow()
    const head = this.control[Control.READY_HEAD]! - 1
    const index = head & this.mask
    this.words[index << 2] = kind
    this.items[index] = item
    this.control[Control.READY_HEAD] = head
  }

  /** Whether `item` is what was pushed last, and is still there. */
  isNewest(item: object): boolean {
    return this.size > 0 && this.items[(this.control[Control.READY_TAIL]! - 1) & this.mask] === item
  }

  /** Appends an entry without an object, as native code does. */
  pushEntry(kind: number, generation: number, slot: number): void {
    const control = this.control
    const tail = control[Control.READY_TAIL]!
    if (((tail - control[Control.READY_HEAD]!) | 0) > this.mask) this.grow()
    const at = (tail & this.mask) << 2
    this.words[at] = kind | (generation << 8)
    this.words[at + 1] = slot
    control[Control.READY_TAIL] = tail + 1
    if (control[Control.ASLEEP] !== 0) this.onWake()
  }

  /** Doubles the ring when it is more than half full, so that native code finds room to work. */
  reserve(): void {
    if (this.size > this.mask >> 1) this.grow()
  }

  /** Drops every entry. */
  clear(): void {
    this.items.fill(undefined)
    this.control[Control.READY_HEAD] = this.control[Control.READY_TAIL]!
  }

  private grow(): void {
    const { words, items, mask } = this
    const head = this.control[Control.READY_HEAD]!
    const count = this.size
    const capacityBefore = mask + 1
    const capacity = capacityBefore * 2
    const newWords = new Int32Array(new ArrayBuffer(capacity * ENTRY_BYTES))
    const newItems = new Array<unknown>(capacity).fill(undefined)
    const copyPiece = (at: number, length: number) => {
      const from = at & mask
      const to = at & (capacity - 1)
      newWords.set(words.subarray(from << 2, (from + length) << 2), to << 2)
      for (let i = 0; i < length; i++) newItems[to + i] = items[from + i]
    }
    // What stands in the ring is one piece, or two around its end; doubling keeps each in one piece.
    const untilEnd = Math.min(count, capacityBefore - (head & mask))
    copyPiece(head, untilEnd)
    copyPiece(head + untilEnd, count - untilEnd)
    this.words = newWords
    this.items = newItems
    this.mask = capacity - 1
    this.onGrow(this.buffer)
  }
}
