// Bytes that arrived and wait to be read: chunks in order, taken from the front. What is asked for
// often is one whole chunk, and then nothing is copied.

export class ByteQueue {
  private chunks: Buffer[] = []
  /** How much of the first chunk is taken. */
  private offset = 0
  length = 0

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.chunks.push(chunk)
    this.length += chunk.length
  }

  /** Takes the first `count` bytes. REQUIRES: count <= length. */
  take(count: number): Buffer {
    if (count === 0) return Buffer.alloc(0)
    const first = this.chunks[0] as Buffer
    const available = first.length - this.offset
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
    this.chunks = []
    this.offset = 0
    this.length = 0
  }

  /**
   * Where `separator` begins, at `from` or behind it; -1 if it is not there. Looking for it joins
   * the chunks, once for each chunk that came in.
   */
  indexOf(separator: Uint8Array, from: number): number {
    if (this.chunks.length === 0) return -1
    if (this.chunks.length > 1) this.join()
    const found = (this.chunks[0] as Buffer).indexOf(separator, this.offset + from)
    return found < 0 ? -1 : found - this.offset
  }

  private join(): void {
    const whole = this.take(this.length)
    this.chunks = [whole]
    this.offset = 0
    this.length = whole.length
  }

  private skip(count: number): void {
    this.length -= count
    this.offset += count
    if (this.offset === (this.chunks[0] as Buffer).length) {
      this.chunks.shift()
      this.offset = 0
    }
  }
}
