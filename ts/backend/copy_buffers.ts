// Memory for copies of what is being written: the caller may use its own again, while Node keeps what
// it is given until it is sent. To allocate a large buffer for each write means page faults, and
// collections for memory outside of the heap; so they are kept for the next one.
//
// Invariant: a buffer is with a write, or it is free.

/** Smaller ones come from Node's own pool. */
const POOLED_BYTES_MIN = 4 * 1024
const BUFFER_BYTES = 64 * 1024
/** What is kept for the next burst, altogether 4 MiB. */
const FREE_MAX = 64

const free: Buffer[] = []

/** Copies `data` and gives the copy to `write`, with a callback for when it is no longer needed. */
export function writeCopy(
  data: Uint8Array,
  write: (copy: Buffer, written: (error?: Error | null) => void) => void,
  written: (error?: Error | null) => void,
): void {
  if (data.length < POOLED_BYTES_MIN || data.length > BUFFER_BYTES) {
    write(Buffer.from(data), written)
    return
  }
  const buffer = free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
  buffer.set(data)
  write(buffer.subarray(0, data.length), (error) => {
    if (free.length < FREE_MAX) free.push(buffer)
    written(error)
  })
}
