// Bytes that arrived and wait to be read: chunks in order, taken from the front. What is asked for
// often is one whole chunk, and then nothing is copied.

const NOTHING: Buffer = Buffer.alloc(0)

/** What stands behind the first chunk where that is alone, as it mostly is; never written to. */
const NONE: Buffer[] = []

export class ByteQueue {
  private first = NOTHING
  private more = NONE
  /** How much of the first chunk is taken. */
  private offset = 0
  length = 0

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    if (this.length === 0) this.first = chunk
    else if (this.more === NONE) this.more = [chunk]
    else this.more.push(chunk)
    this.length += chunk.length
  }

  /** Takes the first `count` bytes. REQUIRES: count <= length. */
  take(count: number): Buffer {
    if (count === 0) return NOTHING
    const { first } = this
    const available = first.length - this.offset
    if (count === first.length && this.offset === 0) {
      this.skip(count)
      return first
    }
    if (count <= available) {
      const taken = first.subarray(this.offset, this.offset + count)
      this.skip(count)
      return taken
    }
    const whole = Buffer.allocUnsafe(count)
    let filled = 0
    while (filled < count) {
      const part = Math.min(count - filled, this.first.length - this.offset)
      this.first.copy(whole, filled, this.offset, this.offset + part)
      filled += part
      this.skip(part)
    }
    return whole
  }

  /**
   * Where `separator` begins, at `from` or behind it; -1 if it is not there. Only what is behind
   * `from` is looked at, and nothing copied but the few bytes around the seams of chunks, so that a
   * long line in many chunks costs no more than its length.
   */
  indexOf(separator: Uint8Array, from: number): number {
    const overlap = separator.length - 1
    const count = this.more.length + 1
    let index = count
    let start = this.length
    while (index > 0 && (start > from || index === count)) start -= this.chunk(--index).length
    /** What stands right before the chunk, and may be the separator's beginning. */
    let seam = NOTHING
    for (; index < count; index++) {
      const chunk = this.chunk(index)
      const first = Math.max(from - start, 0)
      if (seam.length > 0) {
        const found = Buffer.concat([seam, chunk.subarray(0, overlap)]).indexOf(separator)
        if (found >= 0) return start - seam.length + found
      }
      const found = chunk.indexOf(separator, first)
      if (found >= 0) return start + found
      if (overlap > 0) {
        const behind = chunk.subarray(Math.max(first, chunk.length - overlap))
        seam = Buffer.concat([seam, behind]).subarray(-overlap)
      }
      start += chunk.length
    }
    return -1
  }

  private chunk(index: number): Buffer {
    return index === 0 ? this.first : (this.more[index - 1] as Buffer)
  }

  private skip(count: number): void {
    this.length -= count
    this.offset += count
    if (this.offset < this.first.length) return
    this.first = this.more.length === 0 ? NOTHING : (this.more.shift() as Buffer)
    this.offset = 0
  }
}

/** A queue that is empty, for those who have none; nothing is put into it. */
export const NOTHING_QUEUED = new ByteQueue()
