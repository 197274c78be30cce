// A file into a transport by a loop: reads a piece, writes it, waits while too much waits to be sent.
// For transports of any kind, and for sockets where the kernel cannot send the file.

import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { wrap } from '../task/create'
import type { Protocol, Transport } from './protocol'
import { closing } from './transport'

/** How much is read at a time. */
const PIECE_BYTES = 64 * 1024

/** A regular file, open. */
export interface Source {
  fd: number
  read(into: Buffer, bytes: number, position: number): Promise<{ bytesRead: number }>
}

/** The part of a file that is to be sent. */
export interface Range {
  offset: number
  count: number
}

/**
 * Stands between the transport and its protocol while a file is copied: passes everything on, and
 * tells the loop when the transport has sent enough, or is lost.
 */
class Gate implements Protocol {
  private readonly inner: Protocol
  private waiter: Future<void> | null = null
  private lost = false
  private failure: Error | null = null

  constructor(
    private readonly loop: EventLoop,
    private readonly transport: Transport,
  ) {
    this.inner = transport.getProtocol()
    transport.setProtocol(this)
  }

  dataReceived(data: Buffer): void {
    this.inner.dataReceived?.(data)
  }

  eofReceived(): boolean | undefined | void {
    return this.inner.eofReceived?.()
  }

  connectionLost(error: Error | null): void {
    this.lost = true
    this.failure = error
    this.wake()
    this.inner.connectionLost?.(error)
  }

  pauseWriting(): void {
    this.inner.pauseWriting?.()
  }

  resumeWriting(): void {
    this.wake()
    this.inner.resumeWriting?.()
  }

  checkConnected(): void {
    if (this.lost) throw this.failure ?? closing()
  }

  /** Waits while more is unsent than the high-water mark: then resumeWriting is sure to come. */
  *drained(): Generator<Future<unknown>, void, unknown> {
    const { transport } = this
    while (!this.lost && transport.getWriteBufferSize() > transport.getWriteBufferLimits().high) {
      this.waiter = new Future<void>(this.loop)
      yield* this.waiter
    }
    this.checkConnected()
  }

  remove(): void {
    if (this.transport.getProtocol() === this) this.transport.setProtocol(this.inner)
  }

  private wake(): void {
    const { waiter } = this
    this.waiter = null
    if (waiter !== null && !waiter.done()) waiter.setResult(undefined)
  }
}

/**
 * Copies the part of the file, or what there is of it, with `write`, and gives the number of bytes. If
 * it ends early after something was written, the transport is aborted, except where the file was at
 * fault: then who called may still say so to the peer.
 */
export function* copyFile(
  loop: EventLoop,
  transport: Transport,
  write: (bytes: Buffer) => void,
  source: Source,
  { offset, count }: Range,
): Generator<Future<unknown>, number, unknown> {
  const gate = new Gate(loop, transport)
  // Not one buffer for all: a piece that a cancelled read still fills must be nobody else's.
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, count))
  let sent = 0
  try {
    while (sent < count) {
      const bytes = Math.min(piece.length, count - sent)
      const { bytesRead } = yield* wrap(source.read(piece, bytes, offset + sent))
      if (bytesRead === 0) break
      gate.checkConnected()
      write(piece.subarray(0, bytesRead))
      sent += bytesRead
      yield* gate.drained()
    }
    return sent
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) Object.assign(error, { bytesSent: sent })
    else if (sent > 0) transport.abort()
    throw error
  } finally {
    gate.remove()
  }
}
