// TlsTransport: one end of a TLS connection for a protocol. Node's TLSSocket does the cryptography;
// below it stands another transport.
//
// Invariants: 1. It closes in order: what waits, close_notify, then the peer's answer or its end is
//                awaited, up to the shutdown timeout; only then the transport below is closed.
//             2. As in asyncio there is no half-closing: the peer's end closes it.

import type { CipherNameAndProtocol, PeerCertificate, TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import type { NodeSocketHandle, StreamEvents } from '../backend/backend'
import { SocketStream } from '../backend/socket_stream'
import { GyreError, NotSupportedError } from '../errors/errors'
import type { TimerHandle } from '../loop/handle'
import type { EventLoop } from '../loop/loop'
import type { ExtraInfo, Protocol, Transport } from '../net/protocol'
import { SocketTransport } from '../net/transport'

/**
 * Shorter ones are copied when they are to be kept, into memory that they share: a peer may send records of
 * a byte each, and what a buffer of Node's costs besides is a multiple of that.
 */
const KEPT_BYTES_MIN = 1024

/** A TLSSocket as a stream of the backend's contract. */
class TlsStream extends SocketStream<TLSSocket> {
  private timer: TimerHandle | null = null
  /** The peer has said goodbye and has all that was written: nothing can be lost any more. */
  private owesOnlyGoodbye = false

  constructor(
    private readonly loop: EventLoop,
    socket: TLSSocket,
    private readonly shutdownTimeoutMs: number,
    /** The socket below, where TLS drives one; it is held as long as there is something to wait for. */
    private readonly held: NodeSocketHandle | null,
  ) {
    super(loop.ring, socket)
  }

  protected override refresh(): void {
    const { held, stream } = this
    if (held === null) return
    // Nearly always it reads; only one that does not is asked what it has to send.
    held.hold(
      stream.readableFlowing === true ||
        stream.writableLength > 0 ||
        stream.writableEnded !== stream.writableFinished,
    )
  }

  /** Nobody else reads from the socket, and Node allocates each chunk anew, for what a record holds. */
  override keep(data: Uint8Array): Buffer {
    return data.length < KEPT_BYTES_MIN ? super.keep(data) : (data as Buffer)
  }

  override close(): void {
    const { stream, loop, shutdownTimeoutMs } = this
    if (stream.destroyed) return
    this.expectClose()
    this.owesOnlyGoodbye = stream.readableEnded && stream.writableLength === 0
    const finish = () => {
      if (stream.writableFinished && stream.readableEnded) stream.destroy()
    }
    stream.once('finish', finish)
    stream.once('end', finish)
    // What still comes is dropped: behind it stands the peer's close_notify.
    stream.resume()
    stream.end()
    this.refresh()
    this.timer = loop.callLater(shutdownTimeoutMs, () => stream.destroy(shutdownTimedOut()))
    finish()
  }

  /** A peer that ends and goes takes no goodbye of ours, which is how most connections end. */
  protected override failWith(error: Error): void {
    if (!this.owesOnlyGoodbye) super.failWith(error)
  }

  protected override closed(): void {
    this.timer?.cancel()
    super.closed()
  }
}

export class TlsTransport extends SocketTransport {
  /** What was agreed on, kept because a socket that is closed has forgotten it. */
  private readonly cipher: CipherNameAndProtocol
  private readonly version: string | null
  private readonly peercert: PeerCertificate

  constructor(
    loop: EventLoop,
    protocol: Protocol,
    private readonly socket: TLSSocket,
    private readonly below: Transport,
    shutdownTimeoutMs: number,
    held: NodeSocketHandle | null,
  ) {
    super(loop, protocol)
    const stream = new TlsStream(loop, socket, shutdownTimeoutMs, held)
    stream.attach(this as StreamEvents)
    this._attach(stream)
    this.cipher = socket.getCipher()
    this.version = socket.getProtocol()
    this.peercert = socket.getPeerCertificate()
  }

  override canWriteEof(): boolean {
    return false
  }

  override writeEof(): void {
    throw new NotSupportedError('a TLS connection cannot end in one direction only')
  }

  override getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K]
  override getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
  override getExtraInfo(name: string, fallback?: unknown): unknown {
    const { socket } = this
    switch (name) {
      case 'tlsSocket':
        return socket
      case 'cipher':
        return this.cipher
      case 'peercert':
        return this.peercert
      case 'tlsVersion':
        return this.version
      case 'alpnProtocol':
        return socket.alpnProtocol || null
      case 'servername':
        return servernameOf(socket)
      default:
        return this.below.getExtraInfo(name, fallback)
    }
  }

  override [inspect.custom](): string {
    const state = this.isClosing() ? 'closing' : 'open'
    return `<TlsTransport ${state} ${this.version} over ${inspect(this.below)}>`
  }
}

/** Node has false where the client asked for no name, as older typings do not know. */
function servernameOf(socket: TLSSocket): string | null {
  const { servername } = socket as { servername?: unknown }
  return typeof servername === 'string' ? servername : null
}

function shutdownTimedOut(): Error {
  return new GyreError('the TLS shutdown took too long', 'ERR_TLS_SHUTDOWN_TIMEOUT')
}
