// What protocols and transports are to each other, after asyncio's protocols and transports.

import type { CipherNameAndProtocol, PeerCertificate, TLSSocket } from 'node:tls'
import type { SocketName } from '../backend/socket_name'
import { checkObject, invalidType } from '../errors/arguments'
import { isThenable } from '../future/thenable'

export type { SocketName }

/** What can be written. Strings go out as UTF-8. */
export type Writable = string | Uint8Array | ArrayBufferView | ArrayBuffer

/** What hears of a connection. Every method is optional; all are called from inside a turn. */
export interface Protocol {
  /** The connection is made. Called once, first. */
  connectionMade?(transport: Transport): void
  /** Bytes came in. `data` is borrowed: copy what must outlive the call. */
  dataReceived?(data: Buffer): void
  /** The peer will send no more. Return true to keep the other direction open; else it closes. */
  eofReceived?(): boolean | undefined | void
  /** The connection is over. Called once, last: null after close or abort, else what broke it. */
  connectionLost?(error: Error | null): void
  /** More than the high-water mark waits to be sent: write no more for now. */
  pauseWriting?(): void
  /** What waits fell to the low-water mark. */
  resumeWriting?(): void
}

/** Throws TypeError for what cannot be a protocol, such as the promise of an async factory. */
export function checkProtocol(name: string, value: unknown): asserts value is object {
  checkObject(name, value)
  if (isThenable(value)) throw invalidType(name, 'a protocol, not a promise of one', value)
}

/** Bounds for what may wait to be sent, in bytes. */
export interface WriteBufferLimits {
  /** Above this, `pauseWriting` is called. By default 64 KiB, or four times `low`. */
  high?: number
  /** At or below this, `resumeWriting` is called. By default a quarter of `high`. */
  low?: number
}

/** What a transport can tell about itself. */
export interface ExtraInfo {
  peername: SocketName | null
  sockname: SocketName | null
  socket: SocketInfo
  /** Under TLS only, as all below: the socket of Node's that does it. */
  tlsSocket: TLSSocket | undefined
  cipher: CipherNameAndProtocol | undefined
  /** The peer's certificate; an empty object where it has shown none. */
  peercert: PeerCertificate | undefined
  /** 'TLSv1.3', 'TLSv1.2' … */
  tlsVersion: string | null | undefined
  /** What both ends agreed to speak; null where nothing was asked for. */
  alpnProtocol: string | null | undefined
  /** The name that the client asked for; null if none. */
  servername: string | null | undefined
}

/** The options of the socket under a transport. */
export interface SocketInfo {
  getsockname(): SocketName | null
  getpeername(): SocketName | null
  setNoDelay(enabled?: boolean): void
  /** `delaySeconds`: for how long a peer is silent before it is asked, up to 32,767; 0, the system's. */
  setKeepAlive(enabled?: boolean, delaySeconds?: number): void
}

/** One connection, as a protocol uses it. */
export interface Transport {
  /** Sends `data`, now or as soon as the peer takes it. Ignored once the transport is closing. */
  write(data: Writable): void
  writelines(list: Iterable<Writable>): void
  /** Closes the sending half when everything is sent. Writing after it throws RuntimeError. */
  writeEof(): void
  canWriteEof(): boolean
  /** Stops reading, sends what waits, closes; then connectionLost(null). */
  close(): void
  /** Drops what waits and closes at once; then connectionLost(null). */
  abort(): void
  isClosing(): boolean
  pauseReading(): void
  resumeReading(): void
  isReading(): boolean
  setWriteBufferLimits(limits?: WriteBufferLimits): void
  getWriteBufferLimits(): { low: number; high: number }
  /** How many bytes wait to be sent. */
  getWriteBufferSize(): number
  setProtocol(protocol: Protocol): void
  getProtocol(): Protocol
  /** What ExtraInfo names; `fallback` for anything else, and for TLS's where there is none. */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K]
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
}
