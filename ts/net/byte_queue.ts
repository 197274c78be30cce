// Bytes that arrived and wait to be read: chunks in order, taken from the front. What is asked for
// often is one whole chunk, and then nothing is copied.

const NOTHING: Buffer = Buffer.alloc(0)

/** Of a queue that is empty, as those of idle connections are; never written to. */
const NO_CHUNKS: Buffer[] = []

export class ByteQueue {
  private chunks: Buffer[] = NO_CHUNKS
  /** How much of the first chunk is taken. */
  private offset = 0
  length = 0

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    if (this.chunks === NO_CHUNKS) this.chunks = [chunk]
    else this.chunks.push(chunk)
    this.length += chunk.length
  }

  /** Takes the first `count` bytes. REQUIRES: count <= length. */
  take(count: number): Buffer {
    if (count === 0) return NOTHING
    const first = this.chunks[0] as Buffer
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
      const chunk = this.chunks[0] as Buffer
      const part = Math.min(count - filled, chunk.length - this.offset)
      chunk.copy(whole, filled, this.offset, this.offset + part)
      filled += part
      this.skip(part)
    }
    return whole
  }

  /** Takes the first chunk, or as much of it as `max` allows. REQUIRES: the queue is not empty. */
  takeChunk(max: number): Buffer {
    const available = (this.chunks[0] as Buffer).length - this.offset
    return this.take(Math.min(available, max))
  }

  clear(): void {
    this.chunks = NO_CHUNKS
    this.offset = 0
    this.length = 0
  }

  /**
   * Where `separator` begins, at `from` or behind it; -1 if it is not there. Only what is behind
   * `from` is looked at, and nothing copied but the few bytes around the seams of chunks, so that a
   * long line in many chunks costs no more than its length.
   */
  indexOf(separator: Uint8Array, from: number): number {
    const { chunks } = this
    const overlap = separator.length - 1
    let index = chunks.length
    let start = this.length
    while (index > 0 && (start > from || index === chunks.length)) {
      start -= (chunks[--index] as Buffer).length
    }
    /** What stands right before the chunk, and may be the separator's beginning. */
    let seam = NOTHING
    for (; index < chunks.length; index++) {
      const chunk = chunks[index] as Buffer
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

  private skip(count: number): void {
    this.length -= count
    this.offset += count
    if (this.offset === (this.chunks[0] as Buffer).length) {
      if (this.chunks.length === 1) this.chunks = NO_CHUNKS
      else this.chunks.shift()
      this.offset = 0
    }
  }
}
