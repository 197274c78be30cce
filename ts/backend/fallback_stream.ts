// A stream of the fallback: a node:net socket that speaks the backend's contract.

import net from 'node:net'
import type { ConnectEndpoint, StreamEvents } from './backend'
import { DuplexStream } from './duplex_stream'
import type { FallbackSocket, FallbackSockets } from './fallback_sockets'
import type { ReadyRing } from './ready_ring'

export class FallbackStream extends DuplexStream<net.Socket> implements FallbackSocket {
  private isReading = false

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
    const { address: host, port, localAddress, localPort } = endpoint
    socket.on('connect', () => {
      // A socket starts to read when it connects, unless it was paused since.
      if (!stream.isReading) socket.pause()
      stream.refresh()
      stream.enqueue((to) => to.streamConnected())
    })
    const local = localAddress === null ? {} : { localAddress }
    socket.connect({ host, port, ...local, ...(localPort === 0 ? {} : { localPort }) })
    return stream
  }

  override startReading(): void {
    this.isReading = true
    super.startReading()
  }

  override stopReading(): void {
    this.isReading = false
    super.stopReading()
  }

  /** A socket keeps the process alive while it connects, reads or has something to send. */
  override refresh(): void {
    const socket = this.stream
    if (socket.destroyed) return
    const isSending = socket.writableLength > 0 || socket.writableEnded !== socket.writableFinished
    const isWaiting = socket.connecting || this.isReading || isSending
    if (isWaiting && this.sockets.isActive) socket.ref()
    else socket.unref()
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
