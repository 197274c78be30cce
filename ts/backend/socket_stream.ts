// SocketStream: a DuplexStream over a socket of Node's that nobody else has. What is written to it ends
// in the kernel or in a cipher, so that its memory can be used again when Node says that it is written.
//
// Invariant: from `oldest` to `newest` are the copies of the writes that Node has not finished, in the
// order in which it will.

import type { Socket } from 'node:net'
import { CopyBuffer } from './copy_buffer'
import { DuplexStream } from './duplex_stream'

export class SocketStream<S extends Socket> extends DuplexStream<S> {
  private oldest: CopyBuffer | null = null
  private newest: CopyBuffer | null = null
  private hasFailed = false

  override write(data: Uint8Array): void {
    const { stream } = this
    if (this.hasFailed || stream.destroyed) {
      super.write(data)
      return
    }
    const copy = CopyBuffer.take(data.length)
    if (this.newest === null) this.oldest = copy
    else this.newest.next = copy
    this.newest = copy
    stream.write(copy.copy(data), this.written)
    this.refresh()
  }

  protected override writeEnded(error: Error | null | undefined): void {
    // Writes that fail may do so out of turn: what copies they had is left to the collector.
    if (error) {
      this.hasFailed = true
      this.oldest = this.newest = null
    }
    const copy = this.oldest
    if (copy !== null) {
      this.oldest = copy.next
      if (this.oldest === null) this.newest = null
      copy.release()
    }
    super.writeEnded(error)
  }
}
