// A stream of the fallback: a node:net socket that speaks the backend's contract.

import net from 'node:net'
import { NotSupportedError } from '../errors/errors'
import { systemError } from '../errors/system_error'
import type { ConnectEndpoint, InternetPlace, Place, SocketAddress, StreamEvents } from './backend'
import type { FallbackSocket, FallbackSockets } from './fallback_sockets'
import type { ReadyRing } from './ready_ring'
import { socketAddress } from './socket_address'
import { SocketStream } from './socket_stream'

/**
 * Node 20 fills the rest of an abstract name with NULs, which makes it another name than everybody
 * else's.
 */
export const NO_ABSTRACT_NAMES =
  'abstract names need the native backend: node:net gives them another length than other programs'

export class FallbackStream extends SocketStream<net.Socket> implements FallbackSocket {
  private isReading = false
  /** Whether the socket keeps the process alive, as Node's do at first. */
  private isHolding = true
  private own: SocketAddress | null = null
  private peer: SocketAddress | null = null

  /** REQUIRES: the socket is paused and allows half-open connections. */
  constructor(
    ring: ReadyRing,
    socket: net.Socket,
    private readonly sockets: FallbackSockets,
  ) {
    super(ring, socket)
    sockets.add(this)
    socket.setNoDelay(true)
    keepUntilClosed(socket)
  }

  static connect(
    ring: ReadyRing,
    endpoint: ConnectEndpoint,
    events: StreamEvents,
    sockets: FallbackSockets,
  ): FallbackStream {
    const socket = new net.Socket({ allowHalfOpen: true })
    const stream = new FallbackStream(ring, socket, sockets)
    stream.attach(events)
    const { to, from } = endpoint
    socket.on('connect', () => {
      stream.learnAddresses('path' in to ? { own: '', peer: to.path } : null)
      // A socket starts to read when it connects, unless it was paused since.
      if (!stream.isReading) socket.pause()
      stream.refresh()
      stream.enqueue((to) => to.streamConnected())
    })
    if (from !== null) stream.restateErrors(from)
    if (isAbstract(to)) socket.destroy(new NotSupportedError(NO_ABSTRACT_NAMES))
    else socket.connect(connectOptions(to, from))
    return stream
  }

  /**
   * Notes the addresses while the socket has them. Node does not tell those of Unix sockets, so
   * whoever knows the paths gives them; the name that a peer may have given itself stays unknown.
   */
  learnAddresses(paths: { own: string; peer: string } | null): void {
    const socket = this.stream
    if (paths === null) {
      this.own = socketAddress(socket.localAddress, socket.localPort)
      this.peer = socketAddress(socket.remoteAddress, socket.remotePort)
    } else {
      this.own = { address: paths.own, family: 'Unix', port: 0 }
      this.peer = { address: paths.peer, family: 'Unix', port: 0 }
    }
  }

  override localAddress(): SocketAddress | null {
    return this.own
  }

  override remoteAddress(): SocketAddress | null {
    return this.peer
  }

  override startReading(): void {
    this.isReading = true
    super.startReading()
  }

  /** Nobody else has the socket, and Node allocates each chunk anew. */
  override keep(data: Uint8Array): Buffer {
    return data as Buffer
  }

  override stopReading(): void {
    this.isReading = false
    super.stopReading()
  }

  /** A socket keeps the process alive while it connects, reads or has something to send. */
  override refresh(): void {
    const socket = this.stream
    if (socket.destroyed) return
    const isWaiting = this.isReading || socket.connecting || isSending(socket)
    const mayHold = isWaiting && this.sockets.isActive
    if (mayHold === this.isHolding) return
    this.isHolding = mayHold
    if (mayHold) socket.ref()
    else socket.unref()
  }

  /**
   * libuv keeps back that a local port is taken until it connects, and Node then says that connecting
   * failed.
   */
  private restateErrors(from: InternetPlace): void {
    this.stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' && error.errno !== undefined) {
        this.failWith(systemError(-error.errno, 'bind', from))
      }
    })
  }

  protected override closed(): void {
    this.sockets.remove(this)
    super.closed()
  }
}

/**
 * Node destroys a socket by itself when both directions have ended, net.Socket without a choice;
 * the contract leaves that to close(). The switch is documented for streams, if not for sockets.
 */
function keepUntilClosed(socket: net.Socket): void {
  const halves = socket as unknown as Record<'_readableState' | '_writableState', object>
  Object.assign(halves._readableState, { autoDestroy: false })
  Object.assign(halves._writableState, { autoDestroy: false })
}

function isSending(socket: net.Socket): boolean {
  return socket.writableLength > 0 || socket.writableEnded !== socket.writableFinished
}

export function isAbstract(place: Place): boolean {
  return 'path' in place && place.path.startsWith('\0')
}

function connectOptions(to: Place, from: InternetPlace | null): net.SocketConnectOpts {
  if ('path' in to) return to
  const { address: host, port } = to
  if (from === null) return { host, port }
  const { address: localAddress, port: localPort } = from
  return { host, port, localAddress, ...(localPort === 0 ? {} : { localPort }) }
}
