// The UDP sockets of the native backend: which token is whose, and the slab into which native code
// receives. One entry of the ready ring is one datagram.

import { markAsUntransferable } from 'node:worker_threads'
import { systemError } from '../errors/system_error'
import type { DatagramEvents, DatagramOptions } from './datagram_contract'
import { NativeKind, type NativeLoop, NativeOperation } from './native_addon'
import { familyOf, NativeAddresses, RECORD_WORDS } from './native_addresses'
import { NativeDatagram } from './native_datagram'
import { Control, type ReadyRing, RUN_KIND } from './ready_ring'
import type { Submissions } from './submissions'

const REUSE_PORT = 1
const BROADCAST = 2
const IPV6_ONLY = 4

export class NativeDatagrams {
  readonly addresses: NativeAddresses
  private readonly sockets: (NativeDatagram | undefined)[] = []
  private slab: DatagramSlab | null = null
  private openSockets = 0

  constructor(
    readonly native: NativeLoop,
    readonly submissions: Submissions,
    private readonly ring: ReadyRing,
    private readonly slabBytes: number,
  ) {
    this.addresses = new NativeAddresses(native)
  }

  get size(): number {
    return this.openSockets
  }

  open(options: DatagramOptions, events: DatagramEvents): NativeDatagram {
    const { local, remote } = options
    if (this.slab === null) this.makeSlab()
    const flags =
      (options.reusePort ? REUSE_PORT : 0) |
      (options.broadcast ? BROADCAST : 0) |
      (options.ipv6Only ? IPV6_ONLY : 0)
    const result = this.native.openDatagram(
      local.address,
      local.port,
      remote === null ? null : remote.address,
      remote === null ? 0 : remote.port,
      flags,
    )
    const family = familyOf(local.address)
    const { control } = this.ring
    const slot = control[Control.RESULT_SLOT]!
    if (result < 0) {
      const couldNotConnect = slot === NativeOperation.CONNECT && remote !== null
      const error = couldNotConnect
        ? systemError(-result, 'connect', remote)
        : systemError(-result, 'bind', local)
      this.ring.push(RUN_KIND, { run: () => events.datagramClosed(error) })
      return new NativeDatagram(this, -1, 0, family, null)
    }
    const generation = control[Control.RESULT_GENERATION]!
    const socket = new NativeDatagram(this, slot, generation, family, events)
    this.sockets[slot] = socket
    this.openSockets++
    this.ring.push(RUN_KIND, { run: () => socket.opened() })
    return socket
  }

  /** Runs an entry of one of the DATAGRAM kinds. */
  dispatch(kind: number, generation: number, slot: number, a: number, b: number): void {
    const socket = this.sockets[slot]
    if (socket === undefined || socket.generation !== generation) return
    if (kind === NativeKind.DATAGRAM) {
      const slab = this.slab as DatagramSlab
      // User code detached the memory while this entry waited in the ring: the bytes are gone.
      if (slab.isDetached) return
      const from = this.addresses.read(slab.words, (a >> 2) - RECORD_WORDS)
      socket.received(slab.view(a, b), from)
      return
    }
    if (kind === NativeKind.DATAGRAM_CLOSED) {
      this.sockets[slot] = undefined
      this.openSockets--
    }
    socket.happened(kind, a, b)
  }

  /** User code sees views of the slab; should it detach the memory, there must be another. */
  replaceDetachedSlab(): void {
    if (this.slab?.isDetached) this.makeSlab()
  }

  close(): void {
    this.sockets.length = 0
    this.openSockets = 0
  }

  private makeSlab(): void {
    this.slab = new DatagramSlab(this.slabBytes)
    this.native.setDatagramSlab(this.slab.memory)
  }
}

/**
 * The memory of received datagrams, and views of it. A view is borrowed, so one is made for each
 * slot and length, and serves again when a datagram of that length comes to that slot.
 */
class DatagramSlab {
  readonly memory: ArrayBuffer
  readonly words: Int32Array
  private readonly views: (Buffer | undefined)[]

  constructor(bytes: number) {
    this.memory = new ArrayBuffer(bytes)
    this.words = new Int32Array(this.memory)
    this.views = new Array<undefined>((bytes >>> 16) + 1).fill(undefined)
    markAsUntransferable(this.memory)
  }

  get isDetached(): boolean {
    return this.memory.byteLength === 0
  }

  view(offset: number, length: number): Buffer {
    // A slot is larger than this.
    const place = offset >>> 16
    const known = this.views[place]
    if (known !== undefined && known.length === length && known.byteOffset === offset) return known
    const made = Buffer.from(this.memory, offset, length)
    this.views[place] = made
    return made
  }
}
