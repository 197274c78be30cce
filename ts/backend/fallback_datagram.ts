// A UDP socket of the fallback: a node:dgram socket that speaks the backend's contract. What Node
// emits goes through the ready ring, so that it reaches protocols inside a turn, in order, as on
// native.

import dgram from 'node:dgram'
import { isIPv4, isIPv6 } from 'node:net'
import { constants, networkInterfaces } from 'node:os'
import { NotSupportedError } from '../errors/errors'
import { systemError } from '../errors/system_error'
import {
  DATAGRAM_OVERHEAD_BYTES,
  type DatagramEvents,
  type DatagramHandle,
  type DatagramOption,
  type DatagramOptions,
  type Membership,
  type SendAddress,
} from './datagram_contract'
import type { NodeSocket, NodeSockets } from './node_sockets'
import { type ReadyRing, RUN_KIND } from './ready_ring'
import { knowsReusePort } from './reuse_port'
import { nameOf, type SocketAddress, type SocketName } from './socket_name'

const NO_REUSE_PORT =
  'reusePort needs the native backend: node:dgram has no such option before Node 22.12'

export class FallbackDatagram implements DatagramHandle, NodeSocket {
  private readonly socket: dgram.Socket
  private readonly family: 4 | 6
  private readonly isConnected: boolean
  private isOpen = false
  private isReading = false
  private isClosing = false
  private isClosed = false
  /** Given to Node, which has not called back. */
  private unsentCount = 0
  private drainMark = -1
  /** Arrived before `startReading`. */
  private readonly early: (() => void)[] = []
  private lastSender: SocketName | null = null

  constructor(
    private readonly ring: ReadyRing,
    options: DatagramOptions,
    private readonly events: DatagramEvents,
    private readonly sockets: NodeSockets,
  ) {
    const { local, remote } = options
    this.family = isIPv4(local.address) ? 4 : 6
    this.isConnected = remote !== null
    const { ipv6Only, reusePort } = options
    const mayShare = reusePort && knowsReusePort()
    this.socket = dgram.createSocket({
      type: `udp${this.family}`,
      ipv6Only,
      lookup: noLookup,
      ...(mayShare ? { reusePort } : {}),
    })
    sockets.add(this)
    this.socket.on('message', (data, { address, port }) => this.arrived(data, address, port))
    this.socket.on('error', (error) => {
      if (this.isOpen) this.enqueue(() => this.events.datagramFailed(error))
      else this.finish(error)
    })
    this.refresh()
    if (this.family === 6 && !isIPv6Here(local.address)) {
      this.finish(systemError(constants.errno.EINVAL, 'bind', local))
      return
    }
    if (reusePort && !mayShare) {
      this.finish(new NotSupportedError(NO_REUSE_PORT))
      return
    }
    this.socket.bind({ ...local, exclusive: true }, () => this.bound(options))
  }

  send(data: Uint8Array, to: SendAddress | null): void {
    if (this.isClosing || this.isClosed) return
    // The caller may reuse its memory as soon as this returns, while Node keeps what it is given.
    this.transmit(Buffer.from(data), to, false)
    this.refresh()
  }

  prepareAddress(address: string, port: number): SendAddress | null {
    const isOfFamily = this.family === 4 ? isIPv4(address) : isIPv6Here(address)
    return isOfFamily ? { address, port } : null
  }

  recallAddress(from: unknown): SendAddress | null {
    return from === this.lastSender ? this.lastSender : null
  }

  startReading(): void {
    this.isReading = true
    for (const deliver of this.early.splice(0)) this.enqueue(deliver)
  }

  bufferedEstimate(): number {
    return this.bufferedBytes()
  }

  bufferedBytes(): number {
    if (this.isClosed) return 0
    return (
      this.socket.getSendQueueSize() + this.socket.getSendQueueCount() * DATAGRAM_OVERHEAD_BYTES
    )
  }

  watchDrain(lowBytes: number): void {
    this.drainMark = lowBytes
    this.tellIfDrained()
  }

  close(): void {
    if (this.isClosing || this.isClosed) return
    this.isClosing = true
    if (this.unsentCount === 0) this.finish(null)
  }

  abort(): void {
    this.finish(null)
  }

  destroy(): void {
    this.finish(null)
  }

  /** A socket that is open receives, and so keeps the process alive. */
  refresh(): void {
    if (this.isClosed) return
    if (this.sockets.isActive) this.socket.ref()
    else this.socket.unref()
  }

  localAddress(): SocketAddress | null {
    if (!this.isOpen || this.isClosed) return null
    const { address, family, port } = this.socket.address()
    return { address, family: family === 'IPv6' ? 'IPv6' : 'IPv4', port }
  }

  setOption(option: DatagramOption, value: number): void {
    const socket = this.openSocket('setsockopt')
    const set: Record<DatagramOption, () => void> = {
      broadcast: () => socket.setBroadcast(value !== 0),
      ttl: () => socket.setTTL(value),
      multicastTtl: () => socket.setMulticastTTL(value),
      multicastLoopback: () => socket.setMulticastLoopback(value !== 0),
      receiveBufferBytes: () => socket.setRecvBufferSize(value),
      sendBufferBytes: () => socket.setSendBufferSize(value),
    }
    set[option]()
  }

  getOption(option: 'receiveBufferBytes' | 'sendBufferBytes'): number {
    const socket = this.openSocket('getsockopt')
    return option === 'receiveBufferBytes' ? socket.getRecvBufferSize() : socket.getSendBufferSize()
  }

  setMembership(joins: boolean, { group, interfaceAddress, source }: Membership): void {
    const where = interfaceAddress ?? undefined
    const kind = source === null ? 'Membership' : 'SourceSpecificMembership'
    const socket = this.openSocket(`${joins ? 'add' : 'drop'}${kind}`)
    if (source === null) {
      if (joins) socket.addMembership(group, where)
      else socket.dropMembership(group, where)
    } else if (joins) {
      socket.addSourceSpecificMembership(source, group, where)
    } else {
      socket.dropSourceSpecificMembership(source, group, where)
    }
  }

  setMulticastInterface(interfaceAddress: string): void {
    this.openSocket('setMulticastInterface').setMulticastInterface(interfaceAddress)
  }

  /** The socket, for what makes no sense once it is closed. */
  private openSocket(syscall: string): dgram.Socket {
    if (this.isClosed) throw systemError(constants.errno.EBADF, syscall)
    return this.socket
  }

  private bound(options: DatagramOptions): void {
    if (this.isClosed) return
    if (options.broadcast) this.socket.setBroadcast(true)
    const { remote } = options
    if (remote === null) this.opened(null)
    else this.socket.connect(remote.port, remote.address, (error?: Error) => this.opened(error))
  }

  private opened(error: Error | null | undefined): void {
    if (this.isClosed) return
    if (error) {
      this.finish(error)
      return
    }
    this.isOpen = true
    this.enqueue(() => this.events.datagramOpened())
  }

  /** `isRepeated`: this one was kept from going out by the answer to an earlier one. */
  private transmit(data: Buffer, to: SendAddress | null, isRepeated: boolean): void {
    if (to?.port === 0) {
      // As the system has it; Node throws.
      this.enqueue(() => this.events.datagramFailed(systemError(constants.errno.EINVAL, 'send')))
      return
    }
    this.unsentCount++
    const done = (error: Error | null) => {
      this.unsentCount--
      if (this.isClosed) return
      if (error) {
        this.enqueue(() => this.events.datagramFailed(error))
        const isEarlier = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
        if (isEarlier && !isRepeated) this.transmit(data, to, true)
      }
      this.tellIfDrained()
      if (this.isClosing && this.unsentCount === 0) this.finish(null)
    }
    if (this.isConnected || to === null) this.socket.send(data, done)
    else this.socket.send(data, to.port, to.address, done)
  }

  private tellIfDrained(): void {
    if (this.isClosed || this.drainMark < 0 || this.bufferedBytes() > this.drainMark) return
    this.drainMark = -1
    this.enqueue(() => this.events.datagramDrained())
  }

  private arrived(data: Buffer, address: string, port: number): void {
    if (this.isClosing) return
    const sender = this.senderOf(address, port)
    const deliver = () => this.events.datagramReceived(data, sender)
    if (this.isReading) this.enqueue(deliver)
    else this.early.push(deliver)
  }

  /** One object for all datagrams that follow each other from one sender. */
  private senderOf(address: string, port: number): SocketName {
    const last = this.lastSender
    if (last !== null && last.port === port && last.address === address) return last
    const family = this.family === 4 ? 'IPv4' : 'IPv6'
    this.lastSender = Object.freeze(nameOf({ address, family, port }))
    return this.lastSender
  }

  private finish(error: Error | null): void {
    if (this.isClosed) return
    this.isClosed = true
    this.isClosing = true
    this.sockets.remove(this)
    this.socket.close()
    this.ring.push(RUN_KIND, { run: () => this.events.datagramClosed(error) })
  }

  private enqueue(tell: () => void): void {
    this.ring.push(RUN_KIND, { run: tell })
  }
}

/** Of an interface that there is not, Node would send by another one, or to another host. */
function isIPv6Here(address: string): boolean {
  const [plain, zone] = address.split('%', 2) as [string, string | undefined]
  return isIPv6(plain) && (zone === undefined || networkInterfaces()[zone] !== undefined)
}

/** Addresses are numeric by now, and a lookup would only put them off to a later turn. */
function noLookup(
  address: string,
  family: number | object,
  callback: (error: null, address: string, family: number) => void,
): void {
  callback(null, address, typeof family === 'number' ? family : isIPv4(address) ? 4 : 6)
}
