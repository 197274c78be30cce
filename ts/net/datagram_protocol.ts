// What datagram protocols and transports are to each other, after asyncio's.

import type { SocketName, Writable, WriteBufferLimits } from './protocol'

/** Where a datagram goes: a numeric address and a port, in Python's form or in Node's. */
export type DatagramAddress =
  | readonly [host: string, port: number]
  | { readonly address: string; readonly port: number }

/** What hears of a UDP endpoint. Every method is optional; all are called from inside a turn. */
export interface DatagramProtocol {
  /** The socket is open. Called once, first. */
  connectionMade?(transport: DatagramTransport): void
  /** A datagram came in, empty ones included. `data` is borrowed: copy what must outlive the call. */
  datagramReceived?(data: Buffer, addr: SocketName): void
  /**
   * A datagram could not be sent, or an earlier one came back (ECONNREFUSED, on a connected
   * socket). The endpoint lives on.
   */
  errorReceived?(error: Error): void
  /** The endpoint is closed. Called once, last: null after close or abort, else what broke it. */
  connectionLost?(error: Error | null): void
  /** More than the high-water mark waits to be sent: send no more for now. */
  pauseWriting?(): void
  /** What waits fell to the low-water mark. */
  resumeWriting?(): void
}

/** What a datagram transport can tell about itself. */
export interface DatagramExtraInfo {
  /** Whom the endpoint is connected to; null if it is not connected. */
  peername: SocketName | null
  sockname: SocketName | null
  socket: DatagramSocketInfo
}

/** The socket under a datagram transport. Its options throw the system's error (EBADF, EINVAL …). */
export interface DatagramSocketInfo {
  getsockname(): SocketName | null
  getpeername(): SocketName | null
  setBroadcast(enabled?: boolean): void
  /** The hops that a datagram may take, 1 to 255. */
  setTTL(ttl: number): void
  /** The hops that a multicast datagram may take, 0 to 255. */
  setMulticastTTL(ttl: number): void
  /** Whether this machine hears its own multicast datagrams; it does by default. */
  setMulticastLoopback(enabled?: boolean): void
  /**
   * Through which interface multicast datagrams leave: its address, or for IPv6 `::%eth0`.
   */
  setMulticastInterface(interfaceAddress: string): void
  /** Joins a multicast group, on the interface with this address or on the system's choice. */
  addMembership(group: string, interfaceAddress?: string): void
  dropMembership(group: string, interfaceAddress?: string): void
  /**
   * Joins a group for what `source` sends to it, and nobody else (RFC 4607); called again, for what
   * another source sends, too. Both are of one family. After node:dgram.
   */
  addSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void
  dropSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void
  /** Bytes; the kernel doubles what is asked for (socket(7)). */
  setRecvBufferSize(bytes: number): void
  setSendBufferSize(bytes: number): void
  getRecvBufferSize(): number
  getSendBufferSize(): number
}

/** A UDP endpoint, as a protocol uses it. */
export interface DatagramTransport {
  /**
   * Sends a datagram, empty ones included: to `addr`, or to the peer of a connected endpoint. What
   * fails is told by `errorReceived`; ignored once the transport is closing. Throws TypeError or
   * RangeError for an address that cannot be sent to.
   */
  sendto(data: Writable, addr?: DatagramAddress | null): void
  /** Sends what waits, closes; then connectionLost(null). */
  close(): void
  /** Drops what waits and closes at once; then connectionLost(null). */
  abort(): void
  isClosing(): boolean
  setWriteBufferLimits(limits?: WriteBufferLimits): void
  getWriteBufferLimits(): { low: number; high: number }
  /** How many bytes wait to be sent, 8 more for each datagram. */
  getWriteBufferSize(): number
  setProtocol(protocol: DatagramProtocol): void
  getProtocol(): DatagramProtocol
  /** 'peername', 'sockname' or 'socket'; `fallback` for anything else. */
  getExtraInfo<K extends keyof DatagramExtraInfo>(name: K): DatagramExtraInfo[K]
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
}
