// A UDP socket of the native backend: a token for native code's state machine, and what has been
// heard of it.

import { systemError } from '../errors/system_error'
import {
  DATAGRAM_OVERHEAD_BYTES,
  type DatagramEvents,
  type DatagramHandle,
  type DatagramOption,
  type Membership,
  type SendAddress,
} from './datagram_contract'
import {
  NativeDatagramOption,
  NativeKind,
  type NativeLoop,
  NativeOp,
  NativeOperation,
} from './native_addon'
import { type NativeAddresses, RECORD_WORDS, type RecordedAddress } from './native_addresses'
import type { SocketAddress, SocketName } from './socket_name'
import type { Submissions } from './submissions'

const EBADF = 9

/** The record of a datagram for whomever the socket is connected to. */
const NO_ADDRESS = new Int32Array(RECORD_WORDS)

/** What a socket needs of the backend that has it. */
export interface DatagramOwner {
  readonly native: NativeLoop
  readonly submissions: Submissions
  readonly addresses: NativeAddresses
}

export class NativeDatagram implements DatagramHandle {
  /** What native code last said to be unsent. */
  private unsent = 0
  /** What was submitted since, and where that ends among the submissions. */
  private submitted = 0
  private submittedTail = 0
  /** Mostly the address that is sent to again. */
  private lastPrepared: RecordedAddress | null = null

  /** `events` is null, and the slot -1, for a socket that could not be made. */
  constructor(
    private readonly owner: DatagramOwner,
    private readonly slot: number,
    readonly generation: number,
    private readonly family: 4 | 6,
    private events: DatagramEvents | null,
  ) {}

  send(data: Uint8Array, to: SendAddress | null): void {
    if (this.events === null) return
    const record = to === null ? NO_ADDRESS : (to as RecordedAddress).record
    const { submissions } = this.owner
    submissions.sendDatagram(this.generation, this.slot, record, data)
    this.submitted += data.byteLength + DATAGRAM_OVERHEAD_BYTES
    this.submittedTail = submissions.tail
  }

  prepareAddress(address: string, port: number): SendAddress | null {
    const { lastPrepared } = this
    if (lastPrepared?.port === port && lastPrepared.address === address) return lastPrepared
    const prepared = this.owner.addresses.prepare(address, port, this.family)
    // Which interface a scope names may change.
    if (prepared !== null && !address.includes('%')) this.lastPrepared = prepared
    return prepared
  }

  recallAddress(from: unknown): SendAddress | null {
    const recorded = this.owner.addresses.recall(from)
    return recorded?.isOf(this.family) ? recorded : null
  }

  startReading(): void {
    this.submit(NativeOp.DATAGRAM_START)
  }

  bufferedEstimate(): number {
    return this.unsent + this.submitted
  }

  bufferedBytes(): number {
    if (this.events === null) return 0
    const unsent = this.owner.native.datagramPendingBytes(this.slot, this.generation)
    this.unsent = Math.max(0, unsent)
    this.submitted = 0
    return this.unsent
  }

  watchDrain(lowBytes: number): void {
    this.submit(NativeOp.DATAGRAM_WATCH_DRAIN, lowBytes)
  }

  close(): void {
    this.submit(NativeOp.DATAGRAM_CLOSE)
  }

  abort(): void {
    this.submit(NativeOp.DATAGRAM_ABORT)
  }

  localAddress(): SocketAddress | null {
    if (this.slot < 0) return null
    const address = this.owner.native.datagramAddress(this.slot, this.generation, false)
    return typeof address === 'number' ? null : address
  }

  setOption(option: DatagramOption, value: number): void {
    const { native } = this.owner
    const number = NativeDatagramOption[option]
    this.check(native.setDatagramOption(this.slot, this.generation, number, value), 'setsockopt')
  }

  getOption(option: DatagramOption): number {
    const { native } = this.owner
    const value = native.getDatagramOption(this.slot, this.generation, NativeDatagramOption[option])
    this.check(value, 'getsockopt')
    return value
  }

  setMembership(joins: boolean, { group, interfaceAddress, source }: Membership): void {
    const { native } = this.owner
    const result = native.setMembership(
      this.slot,
      this.generation,
      joins ? 1 : 0,
      group,
      interfaceAddress,
      source,
    )
    const kind = source === null ? 'Membership' : 'SourceSpecificMembership'
    this.check(result, `${joins ? 'add' : 'drop'}${kind}`)
  }

  setMulticastInterface(interfaceAddress: string): void {
    const { native } = this.owner
    const result = native.setMulticastInterface(this.slot, this.generation, interfaceAddress)
    this.check(result, 'setMulticastInterface')
  }

  opened(): void {
    this.events?.datagramOpened()
  }

  received(data: Buffer, from: SocketName): void {
    this.events?.datagramReceived(data, from)
  }

  /** Anything but a datagram. */
  happened(kind: number, a: number, b: number): void {
    const { events } = this
    if (events === null) return
    switch (kind) {
      case NativeKind.DATAGRAM_FAILED:
        events.datagramFailed(failure(a, b))
        break
      case NativeKind.DATAGRAM_PENDING:
        this.noteUnsent(a)
        break
      case NativeKind.DATAGRAM_DRAINED:
        this.noteUnsent(a)
        events.datagramDrained()
        break
      case NativeKind.DATAGRAM_CLOSED:
        this.events = null
        events.datagramClosed(a === 0 ? null : failure(a, b))
        break
    }
  }

  /** What was submitted after native code said so is still on its way. */
  private noteUnsent(bytes: number): void {
    this.unsent = bytes
    if (this.owner.submissions.hasTaken(this.submittedTail)) this.submitted = 0
  }

  private check(result: number, syscall: string): void {
    if (result < 0) throw systemError(this.events === null ? EBADF : -result, syscall)
  }

  private submit(op: number, a = 0): void {
    if (this.slot < 0) return
    this.owner.submissions.push(op, this.generation, this.slot, a, 0)
  }
}

function failure(errno: number, operation: number): Error {
  return systemError(errno, operation === NativeOperation.READ ? 'recvmsg' : 'send')
}
