// A stream over a socket of node:net's: what the fallback has for each connection and pipe, and native
// for what node:tls and node:child_process work on.

import type { Socket } from 'node:net'
import type { NodeSocketHandle, SocketAddress } from './backend'
import type { NodeSocket, NodeSockets } from './node_sockets'
import type { ReadyRing } from './ready_ring'
import { SocketStream } from './socket_stream'

/** Of both ends of a connection; null: not known, or none. */
export interface Addresses {
  readonly own: SocketAddress | null
  readonly peer: SocketAddress | null
}

export class NodeSocketStream extends SocketStream<Socket> implements NodeSocket, NodeSocketHandle {
  private addresses: Addresses = { own: null, peer: null }
  /** Whether there is anything to wait for but that what was written is sent. */
  protected isWaiting = false
  /** Whether the socket keeps the process alive, as Node's do at first. */
  private isHolding = true

  /** REQUIRES: the socket is paused and allows half-open connections. */
  constructor(
    ring: ReadyRing,
    socket: Socket,
    private readonly sockets: NodeSockets,
  ) {
    super(ring, socket)
    sockets.add(this)
    socket.setNoDelay(true)
    keepUntilClosed(socket)
  }

  get socket(): Socket {
    return this.stream
  }

  /** Who knows the addresses says them while the socket has them: it forgets them when it closes. */
  setAddresses(addresses: Addresses): void {
    this.addresses = addresses
  }

  override localAddress(): SocketAddress | null {
    return this.addresses.own
  }

  override remoteAddress(): SocketAddress | null {
    return this.addresses.peer
  }

  override startReading(): void {
    this.isWaiting = true
    super.startReading()
  }

  override stopReading(): void {
    this.isWaiting = false
    super.stopReading()
  }

  /** Nobody else has the socket, and Node allocates each chunk anew. */
  override keep(data: Uint8Array): Buffer {
    return data as Buffer
  }

  override toNodeSocket(): NodeSocketHandle | null {
    const { stream } = this
    const hasEnded = halvesOf(stream)._readableState.ended || stream.writableEnded
    if (stream.destroyed || stream.connecting || hasEnded || stream.writableLength > 0) return null
    this.stopListening()
    this.expectClose()
    return this
  }

  hold(isWaiting: boolean): void {
    if (this.isWaiting === isWaiting) return
    this.isWaiting = isWaiting
    this.refresh()
  }

  /** A socket keeps the process alive while it connects, reads or has something to send. */
  override refresh(): void {
    const socket = this.stream
    if (socket.destroyed) return
    const isBusy = this.isWaiting || socket.connecting || isSending(socket)
    const mayHold = isBusy && this.sockets.isActive
    if (mayHold === this.isHolding) return
    this.isHolding = mayHold
    if (mayHold) socket.ref()
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
function keepUntilClosed(socket: Socket): void {
  const { _readableState, _writableState } = halvesOf(socket)
  Object.assign(_readableState, { autoDestroy: false })
  Object.assign(_writableState, { autoDestroy: false })
}

interface Halves {
  /** `ended`: the peer's end has been read, if not by whoever reads the stream. */
  readonly _readableState: { readonly ended: boolean }
  readonly _writableState: object
}

function halvesOf(socket: Socket): Halves {
  return socket as unknown as Halves
}

function isSending(socket: Socket): boolean {
  return socket.writableLength > 0 || socket.writableEnded !== socket.writableFinished
}
