// A listening socket of the fallback: a node:net server that speaks the backend's contract.

import net from 'node:net'
import { NotSupportedError } from '../errors/errors'
import type { ListenEndpoint, ListenerEvents, ListenerHandle, SocketAddress } from './backend'
import type { FallbackSocket, FallbackSockets } from './fallback_sockets'
import { FallbackStream } from './fallback_stream'
import { type ReadyRing, RUN_KIND } from './ready_ring'
import { socketAddress } from './socket_address'

export class FallbackListener implements ListenerHandle, FallbackSocket {
  private readonly server: net.Server
  private isListening = false
  private isClosed = false

  constructor(
    private readonly ring: ReadyRing,
    endpoint: ListenEndpoint,
    private readonly events: ListenerEvents,
    private readonly sockets: FallbackSockets,
  ) {
    this.server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
    this.server.on('listening', () => {
      this.isListening = true
      this.enqueue(() => this.events.listening())
    })
    this.server.on('error', (error) => {
      const wasListening = this.isListening
      this.enqueue(() => {
        if (wasListening) this.events.acceptFailed(error)
        else this.events.listenFailed(error)
      })
    })
    this.server.on('connection', (socket) => {
      const stream = new FallbackStream(ring, socket, sockets)
      this.enqueue(() => this.accept(stream), stream)
    })
    sockets.add(this)
    this.refresh()
    if (endpoint.reusePort) this.refuseReusePort()
    else this.listen(endpoint)
  }

  localAddress(): SocketAddress | null {
    const address = this.server.address()
    if (address === null || typeof address === 'string') return null
    return socketAddress(address.address, address.port)
  }

  /** Node's servers go on accepting by themselves. */
  resume(): void {}

  close(): void {
    this.isClosed = true
    this.destroy()
  }

  destroy(): void {
    this.sockets.remove(this)
    this.server.close()
  }

  refresh(): void {
    if (this.sockets.isActive) this.server.ref()
    else this.server.unref()
  }

  private listen(endpoint: ListenEndpoint): void {
    const { address: host, port, backlog, ipv6Only } = endpoint
    this.server.listen({ host, port, backlog, ipv6Only, exclusive: true })
  }

  private refuseReusePort(): void {
    const message = 'reusePort needs the native backend: node:net has no such option on Node 20'
    this.enqueue(() => this.events.listenFailed(new NotSupportedError(message)))
  }

  private accept(stream: FallbackStream): void {
    stream.attach(this.events.streamAccepted(stream))
  }

  /** `accepted` is dropped if the listener is closed before its turn comes. */
  private enqueue(tell: () => void, accepted?: FallbackStream): void {
    this.ring.push(RUN_KIND, {
      run: () => {
        if (!this.isClosed) tell()
        else accepted?.abort()
      },
    })
  }
}
