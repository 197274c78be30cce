// The native backend: the contract of backend.ts over the C++ addon. Timers, sends and reads go
// through shared memory; the boundary is crossed once a turn, not once an event.
//
// Native code calls `onVisit` when I/O or timers are due. Wake-ups from outside a turn (a node:http
// handler resolves a future) are visited from a microtask, without any crossing but the flush
// behind.

import { systemError } from '../errors/system_error'
import type {
  Backend,
  BackendHost,
  ConnectEndpoint,
  Lease,
  ListenEndpoint,
  ListenerEvents,
  ListenerHandle,
  Place,
  StreamEvents,
  StreamHandle,
} from './backend'
import { Visit } from './backend'
import { CLOCK_ORIGIN_NS, monotonicMs } from './clock'
import type { DatagramEvents, DatagramHandle, DatagramOptions } from './datagram_contract'
import { Deferral } from './deferral'
import type { DescriptorEvents, DescriptorWatch, PipeOptions } from './descriptor_contract'
import type { Addon, NativeLoop } from './native_addon'
import { NativeKind, NativeOp, NativeOperation } from './native_addon'
import { NativeDatagrams } from './native_datagrams'
import { descriptorError, NativeDescriptors } from './native_descriptors'
import { NativeListener } from './native_listener'
import { detailsOf, type NativeOwner, NativeStream, NOWHERE } from './native_stream'
import { NodeSockets } from './node_sockets'
import { Control } from './ready_ring'
import { copyOf, ReceiveSlab } from './receive_slab'
import { Submissions } from './submissions'
import { deadlineNs } from './timer_table'

export class NativeBackend implements Backend, NativeOwner {
  static readonly poller = 'epoll'
  readonly name = 'native'
  readonly poller = NativeBackend.poller
  readonly submissions: Submissions
  private readonly native: NativeLoop
  private readonly deferral: Deferral
  private readonly streams: (NativeStream | undefined)[] = []
  private readonly listeners = new Map<number, NativeListener>()
  private readonly datagrams: NativeDatagrams
  private readonly descriptors: NativeDescriptors
  readonly nodeSockets = new NodeSockets()
  private readonly receiveSlabBytes: number
  private receiveSlab: ReceiveSlab | null = null
  private virtualNs = 0
  private active = false
  private closed = false
  private openStreams = 0
  /** Where the submissions ended at the last flush behind a visit: others may have drained them since. */
  private flushedTail = 0
  private hasPolled = false

  constructor(
    private readonly host: BackendHost,
    private readonly isVirtual: boolean,
    addon: Addon,
  ) {
    const { ring } = host
    this.deferral = new Deferral(
      host,
      () => this.visitFromJs(),
      () => this.visitAgain(),
    )
    this.submissions = new Submissions(
      ring,
      () => this.native.flush(),
      (slab) => this.native.setSendSlab(slab),
    )
    const control = ring.control.buffer as ArrayBuffer
    this.native = addon.createLoop(
      control,
      ring.buffer,
      this.submissions.buffer,
      { clockOriginNs: CLOCK_ORIGIN_NS, virtual: isVirtual },
      () => this.onVisit(),
    )
    const { datagramSlabBytes } = addon.layout
    this.receiveSlabBytes = addon.layout.receiveSlabBytes
    this.datagrams = new NativeDatagrams(this.native, this.submissions, ring, datagramSlabBytes)
    this.descriptors = new NativeDescriptors(this.native, ring.control)
    ring.onWake = () => this.wake()
    ring.onGrow = (buffer) => this.native.setReadyRing(buffer)
  }

  get handles(): number {
    const { datagrams, descriptors, nodeSockets } = this
    const others = datagrams.size + descriptors.size + nodeSockets.size
    return this.openStreams + this.listeners.size + others
  }

  time(): number {
    return this.isVirtual ? this.virtualNs / 1e6 : monotonicMs()
  }

  setActive(active: boolean): void {
    if (this.active === active) return
    this.active = active
    this.native.setActive(active)
    this.nodeSockets.setActive(active)
    if (active) this.wake()
    else this.flushStanding()
  }

  armTimer(slot: number, whenMs: number): void {
    const generation = this.host.timers.generationOf(slot)
    this.submissions.pushFloat(NativeOp.TIMER_ARM, generation, slot, deadlineNs(whenMs))
  }

  cancelTimer(slot: number): void {
    const generation = this.host.timers.generationOf(slot)
    this.submissions.push(NativeOp.TIMER_CANCEL, generation, slot, 0, 0)
  }

  poll(): void {
    // Nothing can come where nothing is open or armed, and the crossing would cost more than a turn.
    if (this.handles === 0 && this.host.timers.armed === 0) return
    this.renewSlabs()
    this.native.poll()
    this.hasPolled = true
  }

  advance(): boolean {
    const nowNs = this.native.advance()
    if (nowNs < 0) return false
    this.virtualNs = nowNs
    return true
  }

  dispatch(kind: number, generation: number, slot: number, a: number, b: number): void {
    if (kind >= NativeKind.DATAGRAM && kind <= NativeKind.DATAGRAM_CLOSED) {
      this.datagrams.dispatch(kind, generation, slot, a, b)
      return
    }
    if (kind === NativeKind.DESCRIPTOR_READY) {
      this.descriptors.dispatch(generation, slot, a)
      return
    }
    if (kind === NativeKind.ACCEPTED) {
      this.accepted(generation, slot, a, b)
      return
    }
    if (kind === NativeKind.ACCEPT_FAILED) {
      const listener = this.listeners.get(slot)
      if (listener?.generation === generation) {
        listener.events.acceptFailed(systemError(a, 'accept'))
      }
      return
    }
    const stream = this.streams[slot]
    if (stream === undefined || stream.generation !== generation) return
    if (kind === NativeKind.READ) stream.received(this.receiveSlab as ReceiveSlab, a, b)
    else {
      if (kind === NativeKind.CLOSED) this.removeStream(slot)
      stream.happened(kind, a, b)
    }
  }

  listen(endpoint: ListenEndpoint, events: ListenerEvents): ListenerHandle {
    const { at, backlog } = endpoint
    const result = this.native.listen(...argumentsOf(at), backlog, listenFlags(endpoint))
    if (result < 0) {
      const error = systemError(-result, 'listen', detailsOf(at))
      return NativeListener.failed(this, events, error)
    }
    const { slot, generation } = this.resultToken()
    const listener = new NativeListener(this, slot, generation, events, at)
    this.listeners.set(slot, listener)
    return listener
  }

  connect(endpoint: ConnectEndpoint, events: StreamEvents): StreamHandle {
    const { to, from } = endpoint
    this.prepareSlab()
    const [address, port] = argumentsOf(to)
    const result = this.native.connect(address, port, from?.address ?? null, from?.port ?? 0)
    const { slot, generation } = this.resultToken()
    if (result < 0) {
      const couldNotBind = slot === NativeOperation.BIND && from !== null
      const error = couldNotBind
        ? systemError(-result, 'bind', from)
        : systemError(-result, 'connect', detailsOf(to))
      return NativeStream.failed(this, events, error)
    }
    const stream = this.addStream(slot, generation, to)
    stream.attach(events)
    return stream
  }

  openDatagram(options: DatagramOptions, events: DatagramEvents): DatagramHandle {
    return this.datagrams.open(options, events)
  }

  watchDescriptor(
    fd: number,
    readable: boolean,
    writable: boolean,
    events: DescriptorEvents,
  ): DescriptorWatch {
    return this.descriptors.watch(fd, readable, writable, events)
  }

  openPipe({ fd, direction, closes }: PipeOptions, events: StreamEvents): StreamHandle {
    this.prepareSlab()
    const result = this.native.openPipe(fd, direction === 'write', closes)
    if (result < 0) throw descriptorError(-result, fd)
    const { slot, generation } = this.resultToken()
    const stream = this.addStream(slot, generation, NOWHERE)
    stream.attach(events)
    return stream
  }

  close(): void {
    this.setActive(false)
    this.native.flush()
    this.closed = true
    this.host.ring.control[Control.ASLEEP] = 0
    this.native.close()
    for (const stream of this.streams) stream?.abandon()
    this.datagrams.close()
    this.descriptors.close()
    this.nodeSockets.destroyAll()
    this.streams.length = 0
    this.listeners.clear()
  }

  /** For the handles of this backend: the addon, the ring, what came in, how to let a listener go. */
  get addonLoop(): NativeLoop {
    return this.native
  }

  get ring(): BackendHost['ring'] {
    return this.host.ring
  }

  keep(data: Uint8Array, isWanted: boolean): Buffer {
    return this.receiveSlab === null ? copyOf(data) : this.receiveSlab.keep(data, isWanted)
  }

  lend(data: Uint8Array, isWanted: boolean): Lease | null {
    return this.receiveSlab?.lend(data, isWanted) ?? null
  }

  removeListener(slot: number): void {
    this.listeners.delete(slot)
  }

  private accepted(generation: number, slot: number, streamSlot: number, b: number): void {
    const listener = this.listeners.get(slot)
    if (listener === undefined || listener.generation !== generation) {
      // Accepted before the listener was closed, and nobody is there to take it.
      this.submissions.push(NativeOp.ABORT, b, streamSlot, 0, 0)
      return
    }
    this.prepareSlab()
    const stream = this.addStream(streamSlot, b, listener.place)
    stream.learnAddresses()
    stream.attach(listener.events.streamAccepted(stream))
  }

  private addStream(slot: number, generation: number, place: Place): NativeStream {
    const stream = new NativeStream(this, slot, generation, place)
    this.streams[slot] = stream
    this.openStreams++
    return stream
  }

  removeStream(slot: number): void {
    this.streams[slot] = undefined
    this.openStreams--
  }

  private resultToken(): { slot: number; generation: number } {
    const { control } = this.host.ring
    return {
      slot: control[Control.RESULT_SLOT]!,
      generation: control[Control.RESULT_GENERATION]!,
    }
  }

  private prepareSlab(): void {
    const { control } = this.host.ring
    this.receiveSlab ??= new ReceiveSlab(this.receiveSlabBytes, control, this.native)
  }

  /** User code sees views of the slab; should it keep or detach the memory, there must be another. */
  private renewSlabs(): void {
    this.receiveSlab?.renewIfGone()
    this.datagrams.replaceDetachedSlab()
  }

  private wake(): void {
    this.host.ring.control[Control.ASLEEP] = 0
    if (this.active) this.deferral.beginInMicrotask()
    else queueMicrotask(() => this.flushStanding())
  }

  /** The loop stands still: what is written goes out all the same, as asyncio's writes do. */
  private flushStanding(): void {
    if (this.active || this.closed) return
    this.native.flush()
    this.host.ring.control[Control.ASLEEP] = 1
  }

  /** Called by native code, at the bottom of the stack, when I/O or timers are due. */
  private onVisit(): void {
    this.renewSlabs()
    const outcome = this.host.visit()
    // Native code calls again while the ring holds more. A virtual clock has to be looked at behind
    // the promises as well, when the ring is empty.
    if (this.isVirtual && outcome === Visit.PROMISES) {
      this.deferral.begin()
      this.deferral.afterMicrotasks()
    }
  }

  /** The microtasks behind a visit have run: mostly they left nothing to do. */
  private visitAgain(): void {
    if (!this.active) return
    if (this.host.wantsVisit()) {
      this.visitFromJs()
      return
    }
    this.flushIfAsked()
    this.host.ring.control[Control.ASLEEP] = 1
  }

  /** What native code was asked for may keep the process alive: so it must hear of it behind a visit. */
  private flushIfAsked(): void {
    const submitted = this.host.ring.control[Control.SUBMIT_TAIL]!
    if (submitted === this.flushedTail && !this.hasPolled) return
    this.native.flush()
    this.flushedTail = submitted
    this.hasPolled = false
  }

  private visitFromJs(): void {
    if (!this.active) return
    this.host.ring.control[Control.ASLEEP] = 0
    this.renewSlabs()
    const outcome = this.host.visit()
    if (!this.active) return
    this.flushIfAsked()
    if (outcome === Visit.PROMISES && !this.deferral.isOverBudget()) {
      this.deferral.afterMicrotasks()
    } else if (outcome === Visit.IDLE && this.host.ring.size === 0) {
      this.host.ring.control[Control.ASLEEP] = 1
    } else if (this.isVirtual && this.host.ring.size === 0) {
      // Native code visits only for what is ready: of a virtual clock that may jump it knows
      // nothing.
      setImmediate(() => {
        this.deferral.begin()
        this.visitFromJs()
      })
    } else {
      this.native.wake()
    }
  }
}

/** A place as native code takes it. */
function argumentsOf(place: Place): [address: string, port: number] {
  return 'path' in place ? [place.path, -1] : [place.address, place.port]
}

function listenFlags({ reusePort, ipv6Only, reuseAddress, paused }: ListenEndpoint): number {
  return (reusePort ? 1 : 0) | (ipv6Only ? 2 : 0) | (reuseAddress ? 4 : 0) | (paused ? 8 : 0)
}
