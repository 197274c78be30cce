// UdpTransport: a UDP socket for a protocol, over a handle of either backend.
//
// Invariant: connectionMade comes first and connectionLost last, each once, and neither they nor
// errorReceived from inside a call to the transport.

import type { AsyncResource } from 'node:async_hooks'
import { constants } from 'node:os'
import { inspect } from 'node:util'
import {
  DATAGRAM_BYTES_MAX,
  type DatagramEvents,
  type DatagramHandle,
  type SendAddress,
} from '../backend/datagram_contract'
import { nameOf } from '../backend/socket_name'
import { checkPort, invalidType, outOfRange } from '../errors/arguments'
import { systemError } from '../errors/system_error'
import { captureContext } from '../loop/context'
import type { EventLoop } from '../loop/loop'
import { socketName } from './address'
import type {
  DatagramAddress,
  DatagramExtraInfo,
  DatagramProtocol,
  DatagramTransport,
} from './datagram_protocol'
import { DatagramSocket } from './datagram_socket'
import { checkProtocol, type SocketName, type Writable, type WriteBufferLimits } from './protocol'
import { toBytes } from './writable'
import { WriteFlow } from './write_flow'

/** OPEN, then CLOSING: close was called, then CLOSED: connectionLost was called, or is next. */
const State = { OPEN: 0, CLOSING: 1, CLOSED: 2 } as const
type State = (typeof State)[keyof typeof State]

/** Whom everything goes to that has no address of its own. */
export interface DefaultPeer {
  address: string
  port: number
  /** False: the socket hears of others too, and each datagram is given the address. */
  isConnected: boolean
}

export class UdpTransport implements DatagramTransport, DatagramEvents {
  private handle!: DatagramHandle
  private flow!: WriteFlow
  private state: State = State.OPEN
  private sockname: SocketName | null = null
  private peerAddress: SendAddress | null = null
  private readonly context: AsyncResource

  constructor(
    private readonly loop: EventLoop,
    private protocol: DatagramProtocol,
    private readonly peer: DefaultPeer | null,
    private readonly onOpened: (error: Error | null) => void,
  ) {
    this.context = captureContext('GyreDatagramTransport')
  }

  /** @internal */
  _attach(handle: DatagramHandle): void {
    this.handle = handle
    this.flow = new WriteFlow(
      handle,
      () => this.call('pauseWriting', () => this.protocol.pauseWriting?.()),
      () => this.call('resumeWriting', () => this.protocol.resumeWriting?.()),
    )
    const { peer } = this
    if (peer !== null) this.peerAddress = handle.prepareAddress(peer.address, peer.port)
  }

  /** @internal Tells the protocol that the socket is open, and begins to receive. */
  _begin(): void {
    this.call('connectionMade', () => this.protocol.connectionMade?.(this))
    if (this.state === State.OPEN) this.handle.startReading()
  }

  sendto(data: Writable, addr?: DatagramAddress | null): void {
    const bytes = toBytes(data)
    const to = this.destination(addr)
    if (this.state !== State.OPEN) return
    if (bytes.byteLength > DATAGRAM_BYTES_MAX) {
      // What the kernel says to everything above its own, lower limit.
      const error = systemError(constants.errno.EMSGSIZE, 'send')
      this.loop.callSoon(() => this.datagramFailed(error))
      return
    }
    this.handle.send(bytes, this.peer?.isConnected ? null : to)
    this.flow.pauseIfFull()
  }

  close(): void {
    if (this.state !== State.OPEN) return
    this.state = State.CLOSING
    this.handle.close()
  }

  abort(): void {
    if (this.state === State.CLOSED) return
    this.state = State.CLOSING
    this.handle.abort()
  }

  isClosing(): boolean {
    return this.state !== State.OPEN
  }

  setWriteBufferLimits(limits: WriteBufferLimits = {}): void {
    this.flow.setLimits(limits)
    if (this.state === State.OPEN) this.flow.pauseIfFull()
  }

  getWriteBufferLimits(): { low: number; high: number } {
    return this.flow.limits
  }

  getWriteBufferSize(): number {
    return this.state === State.CLOSED ? 0 : this.handle.bufferedBytes()
  }

  setProtocol(protocol: DatagramProtocol): void {
    checkProtocol('protocol', protocol)
    this.protocol = protocol
  }

  getProtocol(): DatagramProtocol {
    return this.protocol
  }

  getExtraInfo<K extends keyof DatagramExtraInfo>(name: K): DatagramExtraInfo[K]
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
  getExtraInfo(name: string, fallback?: unknown): unknown {
    if (name === 'sockname') {
      this.sockname ??= socketName(this.handle.localAddress())
      return this.sockname
    }
    if (name === 'peername') return this.peername()
    if (name !== 'socket') return fallback
    return new DatagramSocket(this.handle, () => this.getExtraInfo('sockname'), this.peername())
  }

  [inspect.custom](): string {
    const state = ['open', 'closing', 'closed'][this.state]
    const local = this.handle?.localAddress()
    const place = local ? ` ${local.address}:${local.port}` : ''
    const peer = this.peer === null ? '' : ` -> ${this.peer.address}:${this.peer.port}`
    return `<DatagramTransport ${state}${place}${peer}>`
  }

  /** @internal */
  datagramOpened(): void {
    this.onOpened(null)
  }

  /** @internal */
  datagramReceived(data: Buffer, from: SocketName): void {
    if (this.state !== State.OPEN) return
    try {
      this.context.runInAsyncScope(receive, this.protocol, data, from)
    } catch (error) {
      this.protocolFailed('datagramReceived', error)
    }
  }

  /** @internal */
  datagramFailed(error: Error): void {
    if (this.state === State.CLOSED) return
    this.call('errorReceived', () => this.protocol.errorReceived?.(error))
  }

  /** @internal */
  datagramDrained(): void {
    if (this.state !== State.CLOSED) this.flow.drained()
  }

  /** @internal */
  datagramClosed(error: Error | null): void {
    this.state = State.CLOSED
    this.onOpened(error)
    this.call('connectionLost', () => this.protocol.connectionLost?.(error))
  }

  private peername(): SocketName | null {
    const { peer } = this
    if (peer === null || !peer.isConnected) return null
    const { address, port } = peer
    return nameOf({ address, port, family: address.includes(':') ? 'IPv6' : 'IPv4' })
  }

  /** Whom `sendto` means, checked. */
  private destination(addr: DatagramAddress | null | undefined): SendAddress {
    const { peer, peerAddress } = this
    if (addr === undefined || addr === null) {
      if (peerAddress === null) {
        throw invalidType('addr', 'an address, as the endpoint is not connected', addr)
      }
      return peerAddress
    }
    if (peer === null) {
      const sender = this.handle.recallAddress(addr)
      if (sender !== null) return sender
    }
    const [host, port] = parts(addr)
    checkPort('addr port', port)
    if (peer !== null) {
      const isPeer = host === peer.address && port === peer.port
      const expected = `left out, or ${peer.address}:${peer.port}, to which the endpoint is bound`
      if (!isPeer) throw outOfRange('addr', expected, addr)
    }
    const address = this.handle.prepareAddress(host, port)
    if (address === null) {
      const local = this.getExtraInfo('sockname')
      const family = local === null ? 'IP' : local.family
      throw outOfRange('addr', `a numeric ${family} address and a port`, addr)
    }
    return address
  }

  /** Calls the protocol; what it throws is reported, and the endpoint goes on, as in asyncio. */
  private call(method: string, act: () => void): void {
    try {
      this.context.runInAsyncScope(act)
    } catch (error) {
      this.protocolFailed(method, error)
    }
  }

  private protocolFailed(method: string, error: unknown): void {
    const details = { protocol: this.protocol, transport: this }
    this.loop._callbackFailed(error, `protocol.${method}() failed`, details)
  }
}

/** A plain function for runInAsyncScope, so that no closure is made for each datagram. */
function receive(this: DatagramProtocol, data: Buffer, from: SocketName): void {
  this.datagramReceived?.(data, from)
}

/** Host and port of an address in either form. */
function parts(addr: DatagramAddress): [host: string, port: number] {
  const value: unknown = addr
  if (typeof value === 'object' && value !== null) {
    const [host, port] = Array.isArray(value)
      ? value
      : [(value as SendAddress).address, (value as SendAddress).port]
    if (typeof host === 'string' && typeof port === 'number') return [host, port]
  }
  throw invalidType('addr', '[host, port] or { address, port }', addr)
}
