// TransportDuplex: a transport as a stream of Node's, so that what was written for net.Socket
// (node:http, node:tls, ws, undici, database drivers) runs on it.
//
// Invariants: 1. The callback of a write comes when the kernel has the bytes, as net.Socket's does:
//                nothing that was called back for is lost when the stream is destroyed.
//             2. Not more than the readable high-water mark and one chunk is held of what arrives.
//             3. 'close' comes when the transport is over, never before.

import { Duplex } from 'node:stream'
import { RuntimeError } from '../errors/errors'
import type { Protocol, SocketName, Transport } from '../net/protocol'
import { endSending, KEEP_ALIVE_SECONDS_MAX, SocketTransport } from '../net/transport'
import { IdleTimer } from './idle_timer'

export interface TransportDuplexOptions {
  /** Whether to go on writing when the peer has ended; as net.Socket's, false unless given. */
  allowHalfOpen?: boolean | undefined
  /** How much of what arrived is held for a reader, and of what is written. Bytes. */
  highWaterMark?: number | undefined
}

/** What happened on the transport before the stream was there. */
interface Before {
  /** A protocol that is still told of the loss. */
  previous?: Protocol | undefined
  received?: Buffer | undefined
  hasEnded?: boolean | undefined
}

type Callback = (error?: Error | null) => void

/** A chunk of Writable's own list. */
interface Corked {
  chunk: Buffer
}

/** So much of what was written together is copied into one piece, for one send. Bytes. */
const JOINED_BYTES_MAX = 64 * 1024

/** Where it is put together for transports that are done with it when `write` returns. */
const joined = Buffer.allocUnsafeSlow(JOINED_BYTES_MAX)

export class TransportDuplex extends Duplex {
  private transport: Transport | null = null
  private isLost = false
  private peerHasEnded = false
  /** The transport has unsent bytes. */
  private isFull = false
  /** What goes on when the transport is there, or has sent everything, or is over. */
  private afterConnect: Callback | null = null
  private afterDrain: Callback | null = null
  private afterClose: Callback | null = null
  private abandon: () => void = () => {}
  private readonly idle = new IdleTimer(this)
  private bytesTaken = 0
  /** Of `bytesTaken`, those whose write has not been called back for. */
  private bytesUnderWay = 0
  /** How many bytes came in. */
  bytesRead = 0
  /** Whether the connection is still being made. */
  connecting = false
  /**
   * @internal Whether who hears of data is done with it when it returns, as node:tls is: what arrives
   * needs no copy then.
   */
  _isReadAtOnce = false

  constructor(options: TransportDuplexOptions = {}) {
    const { allowHalfOpen = false, highWaterMark } = options
    super({ allowHalfOpen, ...(highWaterMark === undefined ? {} : { highWaterMark }) })
  }

  /** @internal The connection is being made; `abandon` is called if nobody wants it any more. */
  _beginConnecting(abandon: () => void): void {
    this.connecting = true
    this.abandon = abandon
  }

  /** @internal Takes the transport over from its protocol. */
  _attach(transport: Transport, { previous, received, hasEnded }: Before = {}): void {
    if (transport.isClosing()) {
      throw new RuntimeError('the transport is closing', 'ERR_TRANSPORT_CLOSED')
    }
    const wasConnecting = this.connecting
    this.connecting = false
    this.abandon = () => {}
    this.transport = transport
    if (received !== undefined && received.length > 0) this.keep(received)
    transport.setProtocol(this.protocolFor(previous))
    transport.setWriteBufferLimits({ high: 0, low: 0 })
    this.isFull = transport.getWriteBufferSize() > 0
    transport.resumeReading()
    if (hasEnded === true) this.endReading()
    if (wasConnecting) this.tellConnected()
  }

  /** @internal There will be no connection. */
  _connectFailed(error: Error): void {
    this.connecting = false
    this.abandon = () => {}
    this.destroy(error)
  }

  override _read(): void {
    this.transport?.resumeReading()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.send([chunk], chunk.length, callback)
  }

  override _writev(chunks: Corked[], callback: Callback): void {
    const pieces = chunks.map(({ chunk }) => chunk)
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.send(length <= JOINED_BYTES_MAX ? [this.join(pieces, length)] : pieces, length, callback)
  }

  override _final(callback: Callback): void {
    const { transport } = this
    if (transport === null) {
      this.whenConnected(callback, () => this._final(callback))
      return
    }
    if (!this.isLost && !transport.isClosing()) endSending(transport)
    callback()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.idle.set(0)
    const { transport } = this
    const wasConnecting = this.connecting
    this.connecting = false
    if (wasConnecting) this.abandon()
    for (const act of [this.afterConnect, this.afterDrain]) act?.(error ?? closedEarly())
    if (transport === null || this.isLost) {
      callback(error)
      return
    }
    this.afterClose = () => callback(error)
    // All bytes are with the kernel; TLS waits for the peer's goodbye.
    if (error === null && this.writableFinished) transport.close()
    else transport.abort()
  }

  /** Ends, and destroys the stream when everything is sent. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /**
   * What drivers call that dial by themselves (pg): the connection is made or being made already,
   * so the arguments mean nothing, and 'connect' follows as they expect.
   */
  connect(...args: unknown[]): this {
    const callback = args.at(-1)
    if (typeof callback === 'function') this.once('connect', callback as () => void)
    if (!this.connecting) process.nextTick(() => this.tellConnected())
    return this
  }

  /** Emits 'timeout' when nothing was read or written for `ms` milliseconds; 0 switches it off. */
  setTimeout(ms: number, callback?: () => void): this {
    this.idle.set(ms, callback)
    return this
  }

  /** What was given to `setTimeout`; undefined before. Milliseconds. */
  get timeout(): number | undefined {
    return this.idle.ms
  }

  setNoDelay(enabled = true): this {
    this.whenOpen((transport) => transport.getExtraInfo('socket')?.setNoDelay(Boolean(enabled)))
    return this
  }

  setKeepAlive(enabled = false, initialDelayMs = 0): this {
    // As net.Socket, which refuses nothing.
    const seconds = Math.max(0, Math.floor(initialDelayMs / 1000) || 0)
    const delaySeconds = Math.min(seconds, KEEP_ALIVE_SECONDS_MAX)
    this.whenOpen((transport) => {
      transport.getExtraInfo('socket')?.setKeepAlive(Boolean(enabled), delaySeconds)
    })
    return this
  }

  /** The process is kept alive by the loop, as long as the transport reads or sends. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  /** How many bytes were written, those included that wait. */
  get bytesWritten(): number {
    return this.bytesTaken + this.writableLength - this.bytesUnderWay
  }

  /** Whether there is no connection yet. */
  get pending(): boolean {
    return this.transport === null
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  /** Whether the bytes go through TLS. */
  get encrypted(): boolean {
    return this.transport?.getExtraInfo('tlsSocket') !== undefined
  }

  get remoteAddress(): string | undefined {
    return this.peername?.address
  }

  get remotePort(): number | undefined {
    return this.peername?.port
  }

  get remoteFamily(): 'IPv4' | 'IPv6' | undefined {
    return internetFamily(this.peername)
  }

  get localAddress(): string | undefined {
    return this.sockname?.address
  }

  get localPort(): number | undefined {
    return this.sockname?.port
  }

  get localFamily(): 'IPv4' | 'IPv6' | undefined {
    return internetFamily(this.sockname)
  }

  /** The local end in Node's form; empty without a connection. */
  address(): { address?: string; family?: string; port?: number } {
    const name = this.sockname
    if (name === null) return {}
    const { address, family, port } = name
    return { address, family, port }
  }

  private get peername(): SocketName | null {
    return socketNameOf(this.transport, 'peername')
  }

  private get sockname(): SocketName | null {
    return socketNameOf(this.transport, 'sockname')
  }

  /** What the transport calls; kept off the stream's own surface. */
  private protocolFor(previous: Protocol | undefined): Protocol {
    return {
      dataReceived: (data) => this.accept(data),
      eofReceived: () => {
        this.endReading()
        return true
      },
      pauseWriting: () => {
        this.isFull = true
      },
      resumeWriting: () => this.drained(),
      connectionLost: (error) => {
        this.lost(error)
        previous?.connectionLost?.(error)
      },
    }
  }

  /** `data` is borrowed. */
  private accept(data: Buffer): void {
    const passesOn = this._isReadAtOnce && this.readableFlowing && this.readableLength === 0
    if (!passesOn) this.keep(Buffer.from(data))
    else if (!this.destroyed) {
      this.bytesRead += data.length
      this.idle.refresh()
      this.emit('data', data)
    }
  }

  private keep(data: Buffer): void {
    if (this.destroyed) return
    this.bytesRead += data.length
    this.idle.refresh()
    if (!this.push(data)) this.transport?.pauseReading()
  }

  private join(pieces: Buffer[], length: number): Buffer {
    if (!(this.transport instanceof SocketTransport)) return Buffer.concat(pieces)
    let at = 0
    for (const piece of pieces) at += piece.copy(joined, at)
    return joined.subarray(0, length)
  }

  private endReading(): void {
    this.peerHasEnded = true
    this.push(null)
    // With nothing left to read, 'end' comes without anybody asking for data, as net.Socket's does.
    if (this.readableLength === 0) this.read(0)
  }

  private drained(): void {
    this.isFull = false
    this.idle.refresh()
    this.afterDrain?.()
  }

  private lost(error: Error | null): void {
    this.isLost = true
    if (this.afterClose !== null) {
      this.afterClose()
      return
    }
    // After an end that was agreed to, what is held can still be read, and ends the stream.
    if (error !== null || !this.peerHasEnded) this.destroy(error ?? undefined)
    this.afterDrain?.(closedEarly())
  }

  private send(pieces: Buffer[], length: number, callback: Callback): void {
    const { transport } = this
    if (transport === null) {
      this.whenConnected(callback, () => this.send(pieces, length, callback))
      return
    }
    if (this.isLost || transport.isClosing()) {
      callback(closedEarly())
      return
    }
    try {
      transport.writelines(pieces)
    } catch (error) {
      // Its end was written before the stream took it over, or a file is on its way.
      callback(error as Error)
      return
    }
    this.bytesTaken += length
    this.idle.refresh()
    if (!this.isFull) {
      callback()
      return
    }
    this.bytesUnderWay = length
    this.afterDrain = (error) => {
      this.afterDrain = null
      this.bytesUnderWay = 0
      callback(error)
    }
  }

  private whenConnected(callback: Callback, act: () => void): void {
    this.afterConnect = (error) => {
      this.afterConnect = null
      if (error) callback(error)
      else act()
    }
  }

  private whenOpen(act: (transport: Transport) => void): void {
    if (this.connecting) this.once('connect', () => this.whenOpen(act))
    else if (this.transport !== null && !this.isLost) act(this.transport)
  }

  private tellConnected(): void {
    if (this.destroyed) return
    this.emit('connect')
    this.emit('ready')
    this.afterConnect?.()
  }

  /** @internal How many bytes still wait to be sent; tells a slow connection from an idle one. */
  _unsent(): number {
    return this.isLost ? 0 : (this.transport?.getWriteBufferSize() ?? 0)
  }
}

function socketNameOf(transport: Transport | null, which: 'peername' | 'sockname') {
  const name = transport?.getExtraInfo(which) ?? null
  // Node says nothing of the names of Unix sockets.
  return typeof name === 'object' && name?.family !== 'Unix' ? name : null
}

/** What net.Socket says to a write that came too late. */
function closedEarly(): Error {
  const error = new Error('This socket has been closed by the other side or by its transport')
  return Object.assign(error, { code: 'EPIPE', syscall: 'write' })
}

function internetFamily(name: SocketName | null): 'IPv4' | 'IPv6' | undefined {
  return name === null || name.family === 'Unix' ? undefined : name.family
}
