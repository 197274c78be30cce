// The memory that native code receives into, and views of it for those who are handed the bytes.
//
// A view is borrowed: it is valid until the callback returns. So the same view can serve again when
// bytes of the same length arrive at the same place, as they do in every turn of a server whose
// messages are of one size; making a new one is most of what a message costs in JavaScript.

import { markAsUntransferable } from 'node:worker_threads'

const SLAB_BYTES = 512 * 1024
/** One view is kept for each stretch of so many bytes: 2 to the power of this. */
const STRETCH_BITS = 8

export class ReceiveSlab {
  readonly memory = new ArrayBuffer(SLAB_BYTES)
  private readonly views: (Buffer | undefined)[]

  constructor() {
    markAsUntransferable(this.memory)
    this.views = new Array<undefined>(SLAB_BYTES >> STRETCH_BITS).fill(undefined)
  }

  /** Code that was handed a view can detach the memory all the same (ArrayBuffer.transfer). */
  get isDetached(): boolean {
    return this.memory.byteLength === 0
  }

  /** REQUIRES: not detached. */
  view(offset: number, length: number): Buffer {
    const stretch = offset >> STRETCH_BITS
    const known = this.views[stretch]
    if (known !== undefined && known.length === length && known.byteOffset === offset) return known
    const made = Buffer.from(this.memory, offset, length)
    this.views[stretch] = made
    return made
  }
}
