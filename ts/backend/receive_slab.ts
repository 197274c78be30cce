// The memory that native code receives into, and views of it for those who are handed the bytes.
//
// A view is borrowed: it is valid until the callback returns. So the same view can serve again when
// bytes of the same length arrive at the same place, as they do in every turn of a server whose
// messages are of one size; making a new one is most of what a message costs in JavaScript.
//
// Who has to hold what came in, as a reader does, keeps it: then the view is theirs, native code
// receives behind it from then on, and when no room is left goes on in other memory. Who will say
// when they are done with it has it lent instead: then that place is received into again. What is
// short is copied all the same, so that no few bytes hold the whole of it; and what nobody waits for
// has to be longer, as it will be held until a slow reader comes back for it.
//
// Invariants: 1. Nothing that is kept or lent is received into, and no view of it is handed out.
//             2. Memory is spare only when nothing of it is kept or lent.

import { markAsUntransferable } from 'node:worker_threads'
import type { Lease } from './backend'
import type { NativeLoop } from './native_addon'
import { Control } from './ready_ring'

/** Shorter ones are copied when they are to be kept. */
export const KEPT_BYTES_MIN = 16 * 1024
/** The same for what nobody waits for. */
const UNWANTED_BYTES_MIN = 64 * 1024
/** One view is known for each stretch of so many bytes: 2 to the power of this. */
const STRETCH_BITS = 8

/** How much memory waits for the next time that all is lent. */
const SPARES_MAX = 4

/** One stretch of memory to receive into, and what others have of it. */
class Memory implements Lease {
  /** How much at its beginning is kept for good, in bytes. */
  kept = 0
  lent = 0

  constructor(
    readonly buffer: ArrayBuffer,
    private readonly onReturned: (memory: Memory) => void,
  ) {}

  release(): void {
    if (--this.lent === 0) this.onReturned(this)
  }
}

export class ReceiveSlab {
  private memory: Memory
  private readonly spares: Memory[] = []
  private readonly views: (Buffer | undefined)[]
  private hasViews = false

  constructor(
    private readonly bytes: number,
    private readonly control: Int32Array,
    private readonly native: Pick<NativeLoop, 'setReceiveSlab'>,
  ) {
    this.views = new Array<undefined>(bytes >> STRETCH_BITS).fill(undefined)
    this.memory = this.allocate()
  }

  /** Code that was handed a view can detach the memory all the same (ArrayBuffer.transfer). */
  get isDetached(): boolean {
    return this.memory.buffer.byteLength === 0
  }

  /** Goes on in other memory where this has gone, or is kept by others. */
  renewIfGone(): void {
    if (this.control[Control.RECEIVE_SLAB_SPENT] === 0 && !this.isDetached) return
    if (this.hasViews) this.views.fill(undefined)
    this.hasViews = false
    this.memory = this.allocate()
  }

  /** A view that may be known already. REQUIRES: not detached. */
  view(offset: number, length: number): Buffer {
    const stretch = offset >> STRETCH_BITS
    const known = this.views[stretch]
    if (known !== undefined && known.length === length && known.byteOffset === offset) return known
    const made = this.newView(offset, length)
    this.views[stretch] = made
    this.hasViews = true
    return made
  }

  /** A view for somebody who is likely to keep it. REQUIRES: as `view`. */
  newView(offset: number, length: number): Buffer {
    return Buffer.from(this.memory.buffer, offset, length)
  }

  /**
   * The bytes of `data`, as the caller's own: the same view, or a copy. REQUIRES: as long as `data`
   * is borrowed, if it was handed out here.
   */
  keep(data: Uint8Array, isWanted: boolean): Buffer {
    const { memory } = this
    if (!this.isWorthHolding(data, isWanted)) return copyOf(data)
    memory.kept = Math.max(memory.kept, this.spare(data))
    return data as Buffer
  }

  /** The bytes of `data` stay as they are until the lease ends. Null: copy them. REQUIRES: as `keep`. */
  lend(data: Uint8Array, isWanted: boolean): Lease | null {
    const { memory } = this
    if (!this.isWorthHolding(data, isWanted)) return null
    this.spare(data)
    memory.lent++
    return memory
  }

  private isWorthHolding(data: Uint8Array, isWanted: boolean): boolean {
    const bytesMin = isWanted ? KEPT_BYTES_MIN : UNWANTED_BYTES_MIN
    return data.length >= bytesMin && data.buffer === this.memory.buffer
  }

  /** Has native code receive behind `data`; returns where that is. */
  private spare(data: Uint8Array): number {
    const { control } = this
    const end = data.byteOffset + data.length
    if (end > control[Control.RECEIVE_KEPT]!) control[Control.RECEIVE_KEPT] = end
    return end
  }

  /** All that was lent of `memory` has come back. */
  private readonly returned = (memory: Memory): void => {
    const { control, spares } = this
    if (memory === this.memory) {
      control[Control.RECEIVE_KEPT] = memory.kept
      // There is room again, unless too much is kept; native code will say so.
      control[Control.RECEIVE_SLAB_SPENT] = 0
    } else if (memory.kept === 0 && spares.length < SPARES_MAX) {
      spares.push(memory)
    }
  }

  /**
   * Memory for native code, which says in `control` that nothing of it is kept. It is not cleared:
   * only what was received into is handed out.
   */
  private allocate(): Memory {
    let memory = this.spares.pop()
    if (memory === undefined || memory.buffer.byteLength === 0) {
      const buffer = Buffer.allocUnsafeSlow(this.bytes).buffer as ArrayBuffer
      markAsUntransferable(buffer)
      memory = new Memory(buffer, this.returned)
    }
    this.native.setReceiveSlab(memory.buffer)
    return memory
  }
}

export function copyOf(data: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafe(data.length)
  copy.set(data)
  return copy
}
