// The part of the contract of backend.ts that is about UDP sockets.

import type { SocketAddress, SocketName } from './socket_name'

/** The largest datagram that is given to a backend: more than IP can carry. */
export const DATAGRAM_BYTES_MAX = 65535

/** What is counted for each datagram that waits, besides its bytes: as in asyncio. */
export const DATAGRAM_OVERHEAD_BYTES = 8

export interface DatagramOptions {
  /** A numeric address, and a port or 0. Its family is that of the socket. */
  local: { address: string; port: number }
  /** Whom to connect to, by numeric address of the same family; null: nobody. */
  remote: { address: string; port: number } | null
  reusePort: boolean
  broadcast: boolean
  ipv6Only: boolean
}

/**
 * What happens to a UDP socket. Calls come from inside a turn, never from inside a call to the
 * handle.
 */
export interface DatagramEvents {
  datagramOpened(): void
  /**
   * `data` is borrowed: it is valid until the call returns. `from` is shared and frozen: the same
   * object may serve for every datagram of one sender.
   */
  datagramReceived(data: Buffer, from: SocketName): void
  /** One datagram failed, or (ICMP) an earlier one came back. The socket lives on. */
  datagramFailed(error: Error): void
  /** The unsent bytes fell to the mark given to `watchDrain`. */
  datagramDrained(): void
  /** Exactly once, the last call: null after close or abort, else why there is no socket. */
  datagramClosed(error: Error | null): void
}

/** Options of a socket that are one number, by what node:dgram calls them. */
export type DatagramOption =
  | 'broadcast'
  | 'ttl'
  | 'multicastTtl'
  | 'multicastLoopback'
  | 'receiveBufferBytes'
  | 'sendBufferBytes'

/** A UDP socket. Sending and closing are harmless on one that is already closed. */
export interface DatagramHandle {
  /**
   * Takes all of `data` (a copy). `to` has a numeric address of the socket's family; it is null
   * exactly if the socket is connected. REQUIRES: at most DATAGRAM_BYTES_MAX bytes.
   */
  send(data: Uint8Array, to: SendAddress | null): void
  /** Makes `address` ready for `send`; null if it is no numeric address of the socket's family. */
  prepareAddress(address: string, port: number): SendAddress | null
  /**
   * The same for what `datagramReceived` gave as `from`, without looking at it closely; null for
   * any other value.
   */
  recallAddress(from: unknown): SendAddress | null
  /** Begins to receive; called once. */
  startReading(): void
  /** What is unsent, or more: never less than was given to `send` and is not known to be sent. */
  bufferedEstimate(): number
  bufferedBytes(): number
  watchDrain(lowBytes: number): void
  /** Sends what waits, then closes. */
  close(): void
  /** Drops what waits and closes. */
  abort(): void
  localAddress(): SocketAddress | null
  /** The following throw the system's error, EBADF for a socket that is closed. */
  setOption(option: DatagramOption, value: number): void
  getOption(option: 'receiveBufferBytes' | 'sendBufferBytes'): number
  setMembership(joins: boolean, membership: Membership): void
  setMulticastInterface(interfaceAddress: string): void
}

/** What a socket hears of a multicast group. */
export interface Membership {
  group: string
  /** Null: on the system's choice. */
  interfaceAddress: string | null
  /** Only what comes from there; null: whoever sends. */
  source: string | null
}

/** Where a datagram goes, in the form in which its backend wants it. */
export interface SendAddress {
  readonly address: string
  readonly port: number
}
