// CopyBuffer: memory for a copy of what is being written. The caller may use its own again, while Node
// keeps what it is given until it is sent. To allocate a buffer for each write means page faults, and
// collections for memory outside of the heap; so they are kept for the next one.
//
// Invariants: 1. A buffer is with a write, or it is free.
//             2. One holds at most four times what it is needed for, however long a peer does not read.
// Only for who hands the copy to the kernel: a stream that passes its chunks on keeps them for longer.

/** Each size is four times the one before. */
const SIZES_BYTES = [1024, 4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024]
/** What is kept of each size for the next burst. */
const FREE_BYTES_MAX = 1024 * 1024

const free: CopyBuffer[][] = SIZES_BYTES.map(() => [])

export class CopyBuffer {
  /** The one that was taken next by the same writer. */
  next: CopyBuffer | null = null
  /** Of as many bytes as the last copy: most messages of a stream have one length. */
  private view: Buffer

  private constructor(
    private readonly memory: Buffer,
    private readonly free: CopyBuffer[],
    private readonly freeMax: number,
  ) {
    this.view = memory
  }

  /** One for `bytes`; what is longer than is worth keeping gets one that is not kept. */
  static take(bytes: number): CopyBuffer {
    for (let i = 0; i < SIZES_BYTES.length; i++) {
      const size = SIZES_BYTES[i]!
      if (bytes > size) continue
      const ofSize = free[i]!
      return (
        ofSize.pop() ?? new CopyBuffer(Buffer.allocUnsafeSlow(size), ofSize, FREE_BYTES_MAX / size)
      )
    }
    return new CopyBuffer(Buffer.allocUnsafeSlow(bytes), [], 0)
  }

  /** The copy. It is valid until `release`. */
  copy(data: Uint8Array): Buffer {
    if (this.view.length !== data.length) this.view = this.memory.subarray(0, data.length)
    this.view.set(data)
    return this.view
  }

  /** Nobody needs the copy any more. */
  release(): void {
    this.next = null
    if (this.free.length < this.freeMax) this.free.push(this)
  }
}
