// The fallback backend: the contract of backend.ts over node:net and Node's timers, in TypeScript
// alone. It runs wherever Node does; what it cannot do is watch raw file descriptors.
//
// Timers live in a heap in (deadline, arming) order. For the earliest one a single Node timer is
// armed when it is a millisecond or more away; for what is nearer, setImmediate looks at the clock,
// because Node's timers know whole milliseconds only.

import { NotSupportedError } from '../errors/errors'
import type {
  Backend,
  BackendHost,
  ConnectEndpoint,
  ListenEndpoint,
  ListenerEvents,
  ListenerHandle,
  StreamEvents,
  StreamHandle,
} from './backend'
import { BackendKind, Visit } from './backend'
import { monotonicMs } from './clock'
import type { DatagramEvents, DatagramHandle, DatagramOptions } from './datagram_contract'
import { DeadlineHeap } from './deadline_heap'
import { Deferral } from './deferral'
import type { PipeOptions } from './descriptor_contract'
import { FallbackDatagram } from './fallback_datagram'
import { FallbackListener } from './fallback_listener'
import { socketOf } from './fallback_pipe'
import { FallbackStream } from './fallback_stream'
import { NodeSocketStream } from './node_socket_stream'
import { NodeSockets } from './node_sockets'
import { Control } from './ready_ring'
import { deadlineNs } from './timer_table'

/** The longest delay of a Node timer; a longer one would go off at once. Then another follows it. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1

export class FallbackBackend implements Backend {
  static readonly poller = 'node'
  readonly name = 'fallback'
  readonly poller = FallbackBackend.poller
  private readonly heap = new DeadlineHeap()
  private readonly deferral: Deferral
  private readonly sockets = new NodeSockets()
  private virtualNs = 0
  private active = false
  private closed = false
  private timer: NodeJS.Timeout | null = null
  private immediate: NodeJS.Immediate | null = null
  /** The deadline for which the Node timer is armed. */
  private timerNs = Infinity

  constructor(
    private readonly host: BackendHost,
    private readonly isVirtual: boolean,
  ) {
    this.deferral = new Deferral(
      host,
      () => this.visit(),
      () => this.visitAgain(),
    )
    host.ring.onWake = () => this.wake()
  }

  get handles(): number {
    return this.sockets.size
  }

  time(): number {
    return this.isVirtual ? this.virtualNs / 1e6 : monotonicMs()
  }

  setActive(active: boolean): void {
    this.active = active
    this.sockets.setActive(active)
    if (!active) {
      this.host.ring.control[Control.ASLEEP] = 0
      this.disarmNodeTimer()
      return
    }
    this.wake()
  }

  armTimer(slot: number, whenMs: number): void {
    this.heap.push(deadlineNs(whenMs), slot, this.host.timers.generationOf(slot))
    // Inside a visit the Node timer is set once, at its end; outside, a wake-up sees to it.
    const { control } = this.host.ring
    if (control[Control.ASLEEP] !== 0) this.wake()
  }

  cancelTimer(): void {
    // The heap drops entries of another generation when they come up, and when they are many.
    this.heap.noteCancelled(
      (slot, generation) => this.host.timers.generationOf(slot) !== generation,
    )
  }

  poll(): void {
    const nowNs = this.isVirtual ? this.virtualNs : monotonicMs() * 1e6
    this.expire(nowNs)
  }

  advance(): boolean {
    const nextNs = this.nextDeadlineNs()
    if (nextNs === Infinity) return false
    if (nextNs > this.virtualNs) this.virtualNs = nextNs
    this.expire(this.virtualNs)
    return true
  }

  dispatch(): void {
    throw new Error('the fallback makes no ready entries of its own kinds')
  }

  listen(endpoint: ListenEndpoint, events: ListenerEvents): ListenerHandle {
    const listener = new FallbackListener(this.host.ring, endpoint, events, this.sockets)
    return listener
  }

  connect(endpoint: ConnectEndpoint, events: StreamEvents): StreamHandle {
    return FallbackStream.connect(this.host.ring, endpoint, events, this.sockets)
  }

  openDatagram(options: DatagramOptions, events: DatagramEvents): DatagramHandle {
    return new FallbackDatagram(this.host.ring, options, events, this.sockets)
  }

  watchDescriptor(): never {
    throw new NotSupportedError(
      'addReader and addWriter need the native backend: Node has no way to watch a descriptor; ' +
        'connectReadPipe and connectWritePipe work on both backends',
    )
  }

  openPipe(options: PipeOptions, events: StreamEvents): StreamHandle {
    const stream = new NodeSocketStream(this.host.ring, socketOf(options), this.sockets)
    stream.attach(events)
    return stream
  }

  close(): void {
    this.closed = true
    this.setActive(false)
    this.sockets.destroyAll()
  }

  private wake(): void {
    this.host.ring.control[Control.ASLEEP] = 0
    if (!this.active) return
    this.deferral.beginInMicrotask()
  }

  private visitLater(): void {
    this.immediate ??= setImmediate(() => {
      this.immediate = null
      this.deferral.begin()
      this.visit()
    })
  }

  /** The microtasks behind a visit have run: mostly they left nothing to do. */
  private visitAgain(): void {
    if (!this.active || this.closed) return
    if (this.host.wantsVisit()) this.visit()
    else this.sleep()
  }

  private visit(): void {
    if (!this.active || this.closed) return
    this.host.ring.control[Control.ASLEEP] = 0
    if (!this.isVirtual) this.poll()
    const outcome = this.host.visit()
    if (!this.active) return
    if (outcome === Visit.PROMISES && !this.deferral.isOverBudget()) {
      this.deferral.afterMicrotasks()
    } else if (outcome !== Visit.IDLE || this.host.ring.size > 0) {
      this.visitLater()
    } else {
      this.sleep()
    }
  }

  /** Nothing is ready: until the next deadline only what wakes the ring brings another visit. */
  private sleep(): void {
    this.host.ring.control[Control.ASLEEP] = 1
    if (this.isVirtual) return
    const nextNs = this.nextDeadlineNs()
    if (nextNs === Infinity) {
      this.disarmNodeTimer()
      return
    }
    const delayMs = nextNs / 1e6 - monotonicMs()
    if (delayMs < 1) {
      this.disarmNodeTimer()
      this.visitLater()
    } else if (this.timer === null || this.timerNs !== nextNs) {
      this.disarmNodeTimer()
      this.timerNs = nextNs
      const nodeDelayMs = Math.min(Math.floor(delayMs), NODE_DELAY_MS_MAX)
      this.timer = setTimeout(() => this.timerFired(), nodeDelayMs)
    }
  }

  private timerFired(): void {
    this.timer = null
    this.timerNs = Infinity
    this.deferral.begin()
    this.visit()
  }

  private disarmNodeTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.timerNs = Infinity
  }

  private expire(nowNs: number): void {
    const { ring, timers } = this.host
    const { heap } = this
    while (heap.nextNs() <= nowNs) {
      const slot = heap.firstSlot()
      const generation = heap.firstGeneration()
      heap.pop()
      if (timers.generationOf(slot) === generation) {
        ring.pushEntry(BackendKind.TIMER, generation, slot)
      }
    }
  }

  /** The earliest deadline of a timer that is still armed. */
  private nextDeadlineNs(): number {
    const { heap } = this
    while (heap.size > 0) {
      if (this.host.timers.generationOf(heap.firstSlot()) === heap.firstGeneration()) break
      heap.pop()
    }
    return heap.nextNs()
  }
}
