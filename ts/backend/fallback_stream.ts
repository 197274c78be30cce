// A stream of the fallback: a node:net socket that speaks the backend's contract. What Node emits
// goes through the ready ring, so that it reaches protocols inside a turn, in order, as on native.

import net from 'node:net'
import type { ConnectEndpoint, SocketAddress, StreamEvents, StreamHandle } from './backend'
import type { FallbackSocket, FallbackSockets } from './fallback_sockets'
import { type ReadyRing, RUN_KIND } from './ready_ring'

export class FallbackStream implements StreamHandle, FallbackSocket {
  private events: StreamEvents | null = null
  private error: Error | null = null
  private drainMark = -1
  private isReading = false

  /** REQUIRES: the socket is paused and allows half-open connections. */
  constructor(
    private readonly ring: ReadyRing,
    private readonly socket: net.Socket,
    private readonly sockets: FallbackSockets,
  ) {
    sockets.add(this)
    socket.setNoDelay(true)
    keepUntilClosed(socket)
    socket.on('data', (data) => this.enqueue((events) => events.streamData(data)))
    socket.on('end', () => this.enqueue((events) => events.streamEnded()))
    socket.on('error', (error) => {
      this.error = error
      socket.destroy()
    })
    socket.on('close', () => this.closed())
    socket.pause()
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

  attach(events: StreamEvents): void {
    this.events = events
  }

  write(data: Uint8Array): void {
    if (this.socket.destroyed) return
    // The caller may reuse its memory as soon as this returns, while Node keeps what it is given.
    this.socket.write(Buffer.from(data), this.written)
    this.refresh()
  }

  bufferedEstimate(): number {
    return this.bufferedBytes()
  }

  bufferedBytes(): number {
    return this.socket.destroyed ? 0 : this.socket.writableLength
  }

  watchDrain(lowBytes: number): void {
    this.drainMark = lowBytes
    this.written()
  }

  startReading(): void {
    this.isReading = true
    this.socket.resume()
    this.refresh()
  }

  stopReading(): void {
    this.isReading = false
    this.socket.pause()
    this.refresh()
  }

  shutdown(): void {
    this.socket.end()
    this.refresh()
  }

  close(): void {
    this.stopReading()
    if (this.socket.destroyed) return
    if (this.socket.writableFinished) this.socket.destroy()
    else if (this.socket.writableEnded) this.socket.once('finish', () => this.destroy())
    else this.socket.end(() => this.destroy())
    this.refresh()
  }

  abort(): void {
    this.destroy()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** A socket keeps the process alive while it connects, reads or has something to send. */
  refresh(): void {
    const { socket } = this
    if (socket.destroyed) return
    const isSending = socket.writableLength > 0 || socket.writableEnded !== socket.writableFinished
    const isWaiting = socket.connecting || this.isReading || isSending
    if (isWaiting && this.sockets.isActive) socket.ref()
    else socket.unref()
  }

  localAddress(): SocketAddress | null {
    return socketAddress(this.socket.localAddress, this.socket.localPort)
  }

  remoteAddress(): SocketAddress | null {
    return socketAddress(this.socket.remoteAddress, this.socket.remotePort)
  }

  setNoDelay(enabled: boolean): void {
    this.socket.setNoDelay(enabled)
  }

  setKeepAlive(enabled: boolean, delaySeconds: number): void {
    this.socket.setKeepAlive(enabled, delaySeconds * 1000)
  }

  private readonly written = (error?: Error | null): void => {
    // What failed or was dropped (of which there is no error) has left the buffer too, and yet
    // nothing has drained.
    if (error || this.socket.destroyed) return
    this.refresh()
    if (this.drainMark < 0) return
    if (this.socket.writableLength > this.drainMark) return
    this.drainMark = -1
    this.enqueue((events) => events.streamDrained())
  }

  private closed(): void {
    this.sockets.remove(this)
    const { error } = this
    this.enqueue((events) => {
      this.events = null
      events.streamClosed(error)
    })
  }

  private enqueue(tell: (events: StreamEvents) => void): void {
    this.ring.push(RUN_KIND, {
      run: () => {
        if (this.events !== null) tell(this.events)
      },
    })
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

/** Node's words for an address in ours; null where the socket has none (any more). */
export function socketAddress(
  address: string | undefined,
  port: number | undefined,
): SocketAddress | null {
  if (address === undefined || port === undefined) return null
  return { address, family: net.isIPv6(address) ? 'IPv6' : 'IPv4', port }
}
