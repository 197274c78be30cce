// A stream of the native backend: a token for native code's state machine, and what has been heard
// of it.

import { systemError } from '../errors/system_error'
import type { SocketAddress, StreamEvents, StreamHandle } from './backend'
import { NativeKind, type NativeLoop, NativeOp, NativeOperation } from './native_addon'
import { type ReadyRing, RUN_KIND } from './ready_ring'
import type { ReceiveSlab } from './receive_slab'
import type { Submissions } from './submissions'

/**
 * Writes up to this size are copied and coalesced; larger ones go to the kernel at once, from the
 * caller's memory, which costs a crossing but no copy.
 */
const COPIED_WRITE_BYTES_MAX = 16 * 1024

const OPTION_NO_DELAY = 1
const OPTION_KEEP_ALIVE = 2

const SYSCALLS: Readonly<Record<number, string>> = {
  [NativeOperation.CONNECT]: 'connect',
  [NativeOperation.READ]: 'read',
  [NativeOperation.WRITE]: 'write',
}

/** What streams and listeners need of the backend that has them. */
export interface NativeOwner {
  readonly ring: ReadyRing
  readonly addonLoop: NativeLoop
  readonly submissions: Submissions
  removeListener(slot: number): void
}

export class NativeStream implements StreamHandle {
  private events: StreamEvents | null = null
  /** What native code last said to be unsent. */
  private unsent = 0
  /** What was submitted since. */
  private submitted = 0

  constructor(
    private readonly backend: NativeOwner,
    private readonly slot: number,
    readonly generation: number,
    private readonly peer: { address: string; port: number } | null,
  ) {}

  /** A stream that could not even be made; its events hear of it in a turn, as of any failure. */
  static failed(backend: NativeOwner, events: StreamEvents, error: Error): NativeStream {
    backend.ring.push(RUN_KIND, { run: () => events.streamClosed(error) })
    return new NativeStream(backend, -1, 0, null)
  }

  attach(events: StreamEvents): void {
    this.events = events
  }

  write(data: Uint8Array): void {
    const { byteLength } = data
    if (byteLength === 0 || this.events === null) return
    if (byteLength > COPIED_WRITE_BYTES_MAX) {
      const unsent = this.backend.addonLoop.write(this.slot, this.generation, data)
      // A failure is told by a CLOSED entry as well.
      this.unsent = Math.max(0, unsent)
      this.submitted = 0
      return
    }
    this.backend.submissions.send(this.generation, this.slot, data)
    this.submitted += byteLength
  }

  bufferedEstimate(): number {
    return this.unsent + this.submitted
  }

  bufferedBytes(): number {
    if (this.events === null) return 0
    const unsent = this.backend.addonLoop.pendingBytes(this.slot, this.generation)
    this.unsent = Math.max(0, unsent)
    this.submitted = 0
    return this.unsent
  }

  watchDrain(lowBytes: number): void {
    this.submit(NativeOp.WATCH_DRAIN, lowBytes)
  }

  startReading(): void {
    this.submit(NativeOp.READ_START)
  }

  stopReading(): void {
    this.submit(NativeOp.READ_STOP)
  }

  shutdown(): void {
    this.submit(NativeOp.SHUTDOWN)
  }

  close(): void {
    this.submit(NativeOp.CLOSE)
  }

  abort(): void {
    this.submit(NativeOp.ABORT)
  }

  localAddress(): SocketAddress | null {
    return this.address(false)
  }

  remoteAddress(): SocketAddress | null {
    return this.address(true)
  }

  setNoDelay(enabled: boolean): void {
    this.setOption(OPTION_NO_DELAY, enabled, 0)
  }

  setKeepAlive(enabled: boolean, delaySeconds: number): void {
    this.setOption(OPTION_KEEP_ALIVE, enabled, delaySeconds)
  }

  /** Bytes came in; they stand in the slab until this returns. */
  received(slab: ReceiveSlab, offset: number, length: number): void {
    if (slab.isDetached) {
      // User code detached the memory while this entry waited in the ring: the bytes are gone.
      this.abort()
      return
    }
    this.submitted = 0
    this.events?.streamData(slab.view(offset, length))
  }

  /** Anything but data. */
  happened(kind: number, a: number, b: number): void {
    const { events } = this
    if (events === null) return
    switch (kind) {
      case NativeKind.CONNECTED:
        events.streamConnected()
        break
      case NativeKind.EOF:
        events.streamEnded()
        break
      case NativeKind.PENDING:
        this.unsent = a
        this.submitted = 0
        break
      case NativeKind.DRAINED:
        this.unsent = a
        this.submitted = 0
        events.streamDrained()
        break
      case NativeKind.CLOSED:
        this.events = null
        events.streamClosed(a === 0 ? null : this.failure(a, b))
        break
    }
  }

  private failure(errno: number, operation: number): Error {
    const syscall = SYSCALLS[operation] ?? 'stream'
    const details = operation === NativeOperation.CONNECT && this.peer !== null ? this.peer : {}
    return systemError(errno, syscall, details)
  }

  private address(peer: boolean): SocketAddress | null {
    if (this.events === null && this.slot < 0) return null
    const address = this.backend.addonLoop.address(this.slot, this.generation, peer)
    return typeof address === 'number' ? null : address
  }

  private setOption(option: number, enabled: boolean, delaySeconds: number): void {
    this.backend.addonLoop.setOption(
      this.slot,
      this.generation,
      option,
      enabled ? 1 : 0,
      delaySeconds,
    )
  }

  private submit(op: number, a = 0): void {
    if (this.slot < 0) return
    this.backend.submissions.push(op, this.generation, this.slot, a, 0)
  }
}
