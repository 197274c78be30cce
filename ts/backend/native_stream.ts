// A stream of the native backend: a token for native code's state machine, and what has been heard
// of it.

import { closeSync } from 'node:fs'
import net, { isIPv6 } from 'node:net'
import { type SystemErrorDetails, systemError } from '../errors/system_error'
import type {
  Lease,
  NodeSocketHandle,
  Place,
  SocketAddress,
  StreamEvents,
  StreamHandle,
} from './backend'
import {
  FILE_ERROR_BITS,
  NativeKind,
  type NativeLoop,
  NativeOp,
  NativeOperation,
} from './native_addon'
import { type Addresses, NodeSocketStream } from './node_socket_stream'
import type { NodeSockets } from './node_sockets'
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

/** The upper half of a count of sent bytes, above which stands an errno. */
const FILE_BYTES_HIGH_BITS = 32 - FILE_ERROR_BITS
const FILE_BYTES_HIGH_MASK = (1 << FILE_BYTES_HIGH_BITS) - 1

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
  /** See StreamHandle.keep. */
  keep(data: Uint8Array, isWanted: boolean): Buffer
  lend(data: Uint8Array, isWanted: boolean): Lease | null
  removeListener(slot: number): void
  removeStream(slot: number): void
  /** What went on as sockets of Node's. */
  readonly nodeSockets: NodeSockets
}

const NO_ADDRESSES: Addresses = { own: null, peer: null }

/**
 * What stands in a stream's word of flags. A stream that was told to close, and is gone, has nothing unsent.
 * What came in last was kept, as what comes next will be. The rest is what the socket was told, for who takes
 * it over: that small writes may wait for others, and that the peer is probed, after how many seconds.
 */
const ENDING = 1
const KEEPS_DATA = 2
const DELAYS = 4
const KEEP_ALIVE = 8
const KEEP_ALIVE_SECONDS_SHIFT = 4
const KEEP_ALIVE_MASK = -KEEP_ALIVE

/** A descriptor that was opened elsewhere is nowhere. */
export const NOWHERE: Place = { path: '' }

export class NativeStream implements StreamHandle {
  private events: StreamEvents | null = null
  /** What native code last said to be unsent. */
  private unsent = 0
  /** What was submitted since, and where that ends among the submissions. */
  private submitted = 0
  private submittedTail = 0
  private flags = 0

  constructor(
    private readonly backend: NativeOwner,
    private readonly slot: number,
    readonly generation: number,
    /**
     * Where it is to be connected to, or where the listener is that accepted it, until its addresses
     * are known; those of TCP are in native code's words until somebody asks.
     */
    private ends: Place | string | Addresses,
  ) {}

  /** A stream that could not even be made; its events hear of it in a turn, as of any failure. */
  static failed(backend: NativeOwner, events: StreamEvents, error: Error): NativeStream {
    backend.ring.push(RUN_KIND, { run: () => events.streamClosed(error) })
    return new NativeStream(backend, -1, 0, NOWHERE)
  }

  attach(events: StreamEvents): void {
    this.events = events
  }

  write(data: Uint8Array): void {
    const { byteLength } = data
    if (byteLength === 0 || this.events === null) return
    if (byteLength > COPIED_WRITE_BYTES_MAX) {
      this.noteUnsent(this.backend.addonLoop.write(this.slot, this.generation, data), byteLength)
      return
    }
    const { submissions } = this.backend
    submissions.send(this.generation, this.slot, data)
    this.submitted += byteLength
    this.submittedTail = submissions.tail
  }

  bufferedEstimate(): number {
    return this.unsent + this.submitted
  }

  bufferedBytes(): number {
    if (this.events === null) return 0
    this.noteUnsent(this.backend.addonLoop.pendingBytes(this.slot, this.generation), 0)
    return this.unsent
  }

  /**
   * Notes what the kernel has not taken, or that the stream has failed. A CLOSED entry tells of that
   * in a turn; until then what is written counts as unsent, so that whoever writes until there is
   * too much comes to an end.
   */
  private noteUnsent(unsent: number, writtenBytes: number): void {
    if (unsent >= 0) this.unsent = unsent
    else if (this.has(ENDING)) this.unsent = 0
    else this.unsent += this.submitted + writtenBytes
    this.submitted = 0
  }

  /**
   * An entry of native code's was dispatched: what it had taken by then is known. What was written in
   * this turn already may be on its way still, and is counted on.
   */
  private forgetTaken(): void {
    if (this.backend.submissions.hasTaken(this.submittedTail)) this.submitted = 0
  }

  sendFile(fd: number, offset: number, count: number): boolean {
    const { addonLoop } = this.backend
    const result = addonLoop.sendFile(this.slot, this.generation, fd, offset, count)
    if (result < 0) throw systemError(-result, 'sendfile')
    return true
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

  toNodeSocket(events: StreamEvents): NodeSocketHandle | null {
    const { backend } = this
    if (this.events === null) return null
    const fd = backend.addonLoop.surrender(this.slot, this.generation)
    if (fd < 0) return null
    this.abandon()
    backend.removeStream(this.slot)
    let socket: net.Socket
    try {
      socket = new net.Socket({ fd, readable: true, writable: true, allowHalfOpen: true })
    } catch (error) {
      closeSync(fd)
      backend.ring.push(RUN_KIND, { run: () => events.streamClosed(error as Error) })
      throw error
    }
    const stream = new NodeSocketStream(backend.ring, socket, backend.nodeSockets)
    stream.setAddresses(this.parsedAddresses())
    if (this.has(DELAYS)) stream.setNoDelay(false)
    if (this.has(KEEP_ALIVE)) stream.setKeepAlive(true, this.flags >> KEEP_ALIVE_SECONDS_SHIFT)
    stream.attach(events)
    return stream.toNodeSocket()
  }

  shutdown(): void {
    this.submit(NativeOp.SHUTDOWN)
  }

  close(): void {
    this.flags |= ENDING
    this.submit(NativeOp.CLOSE)
  }

  abort(): void {
    this.flags |= ENDING
    this.submit(NativeOp.ABORT)
  }

  /** The loop is closed: nothing is sent any more, and nobody hears of it. */
  abandon(): void {
    this.events = null
  }

  localAddress(): SocketAddress | null {
    return this.parsedAddresses().own
  }

  remoteAddress(): SocketAddress | null {
    return this.parsedAddresses().peer
  }

  /**
   * Asks for the addresses while the socket has them: they are wanted when it is lost, too. The line
   * is taken apart only when somebody asks.
   */
  learnAddresses(): void {
    const { addonLoop } = this.backend
    const { slot, generation } = this
    if (typeof this.ends === 'object' && 'path' in this.ends) {
      const own = addressOrNull(addonLoop.address(slot, generation, false))
      this.ends = { own, peer: addressOrNull(addonLoop.address(slot, generation, true)) }
      return
    }
    const line = addonLoop.addresses(slot, generation)
    this.ends = typeof line === 'string' && line !== '' ? line : NO_ADDRESSES
  }

  setNoDelay(enabled: boolean): void {
    this.set(DELAYS, !enabled)
    this.setOption(OPTION_NO_DELAY, enabled, 0)
  }

  setKeepAlive(enabled: boolean, delaySeconds: number): void {
    const probes = KEEP_ALIVE | (delaySeconds << KEEP_ALIVE_SECONDS_SHIFT)
    this.flags = (this.flags & ~KEEP_ALIVE_MASK) | (enabled ? probes : 0)
    this.setOption(OPTION_KEEP_ALIVE, enabled, delaySeconds)
  }

  /** Bytes came in; they stand in the slab until this returns. */
  received(slab: ReceiveSlab, offset: number, length: number): void {
    if (slab.isDetached) {
      // User code detached the memory while this entry waited in the ring: the bytes are gone.
      this.abort()
      return
    }
    this.forgetTaken()
    const data = this.has(KEEPS_DATA) ? slab.newView(offset, length) : slab.view(offset, length)
    this.events?.streamData(data)
  }

  keep(data: Uint8Array, isWanted: boolean): Buffer {
    const kept = this.backend.keep(data, isWanted)
    this.set(KEEPS_DATA, kept === data)
    return kept
  }

  lend(data: Uint8Array, isWanted: boolean): Lease | null {
    return this.backend.lend(data, isWanted)
  }

  /** Anything but data. */
  happened(kind: number, a: number, b: number): void {
    const { events } = this
    if (events === null) return
    switch (kind) {
      case NativeKind.CONNECTED:
        this.learnAddresses()
        events.streamConnected()
        break
      case NativeKind.EOF:
        events.streamEnded()
        break
      case NativeKind.PENDING:
        this.unsent = a
        this.forgetTaken()
        break
      case NativeKind.DRAINED:
        this.unsent = a
        this.forgetTaken()
        events.streamDrained()
        break
      case NativeKind.FILE_SENT: {
        const errno = b >>> FILE_BYTES_HIGH_BITS
        const bytes = (b & FILE_BYTES_HIGH_MASK) * 2 ** 32 + (a >>> 0)
        events.streamFileSent(bytes, errno === 0 ? null : systemError(errno, 'sendfile'))
        break
      }
      case NativeKind.CLOSED:
        this.events = null
        events.streamClosed(a === 0 ? null : this.failure(a, b))
        break
    }
  }

  private failure(errno: number, operation: number): Error {
    const syscall = SYSCALLS[operation] ?? 'stream'
    const details = operation === NativeOperation.CONNECT ? detailsOf(this.ends as Place) : {}
    return systemError(errno, syscall, details)
  }

  private parsedAddresses(): Addresses {
    const { ends } = this
    if (typeof ends !== 'string') return 'own' in ends ? ends : NO_ADDRESSES
    const [peer, peerPort, own, ownPort] = ends.split(' ') as [string, string, string, string]
    const addresses = {
      own: internetAddress(own, Number(ownPort)),
      peer: internetAddress(peer, Number(peerPort)),
    }
    this.ends = addresses
    return addresses
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

  private has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }

  private set(flag: number, isSet: boolean): void {
    this.flags = isSet ? this.flags | flag : this.flags & ~flag
  }

  private submit(op: number, a = 0): void {
    if (this.slot < 0) return
    this.backend.submissions.push(op, this.generation, this.slot, a, 0)
  }
}

/** What errors say of a place. */
export function detailsOf(place: Place): SystemErrorDetails {
  return 'path' in place ? { address: place.path } : place
}

function internetAddress(address: string, port: number): SocketAddress {
  return { address, family: isIPv6(address) ? 'IPv6' : 'IPv4', port }
}

function addressOrNull(address: SocketAddress | number): SocketAddress | null {
  return typeof address === 'number' ? null : address
}
