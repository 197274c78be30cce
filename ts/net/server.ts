// Server: listening sockets, the connections that came in by them, and who waits for their end. What
// it listens on is opened by listen.ts.
//
// Invariants: 1. At most `maxConnections` connections have a protocol. Who comes beyond that waits: in
//                the system's backlog where the backend can leave it there, else in `waiting`.
//             2. A connection leaves `connections` when its protocol has heard of its loss.
//             3. A file that the server made in the file system goes with it.

import { inspect } from 'node:util'
import type {
  ListenEndpoint,
  ListenerEvents,
  ListenerHandle,
  StreamEvents,
  StreamHandle,
} from '../backend/backend'
import { sleep } from '../combine/sleep'
import { RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { refusal } from '../loop/admission'
import { captureContext } from '../loop/context'
import { LinkedList } from '../loop/linked_list'
import { type EventLoop, Kind } from '../loop/loop'
import { socketName } from './address'
import { applyOptions, type ProtocolFactory, type SocketOptions } from './connection'
import { checkProtocol, type Protocol, type SocketName } from './protocol'
import { SocketFile } from './socket_file'
import { SocketTransport, type TransportOwner } from './transport'

/** How long a listener rests that ran out of file descriptors or memory (asyncio does the same). */
const ACCEPT_RETRY_DELAY_MS = 1000

/** A listening socket of a server. */
export class ServerSocket {
  /** @internal */
  constructor(private readonly name: SocketName) {}

  /** The address; of a Unix socket, its path. */
  get host(): string {
    return this.name.address
  }

  /** The port; 0 for a Unix socket. */
  get port(): number {
    return this.name.port
  }

  get family(): SocketName['family'] {
    return this.name.family
  }

  /** In Node's form. */
  address(): { address: string; family: SocketName['family']; port: number } {
    const { address, family, port } = this.name
    return { address, family, port }
  }

  /** In Python's form: `[host, port]`. */
  getsockname(): SocketName {
    return this.name
  }
}

function refuseWhileDraining(loop: EventLoop): void {
  if (loop._admission?.signal.aborted === true) throw refusal()
}

/** What a server was asked to be, checked. */
export interface ServerSettings extends SocketOptions {
  backlog: number
  reuseAddress: boolean
  reusePort: boolean
  maxConnections: number
  cleanupSocket: boolean
}

/** BOUND: who connects waits. SERVING: who connects is served. CLOSED: nobody can connect. */
const State = { BOUND: 0, SERVING: 1, CLOSED: 2 } as const
type State = (typeof State)[keyof typeof State]

interface Listening {
  handle: ListenerHandle
  socket: ServerSocket
}

/** What an accepted connection has until the factory has made its protocol. */
const NO_PROTOCOL: Protocol = Object.freeze({})

/** The turn in which a connection begins, in the context that its transport keeps. */
class Beginning {
  constructor(private readonly transport: SocketTransport) {}

  run(): void {
    this.transport._begin()
  }
}

/** What createServer and startServer give: the listening sockets and their connections. */
export class Server implements TransportOwner {
  private state: State = State.BOUND
  private listeners: Listening[] = []
  /** Whether the listeners have been told to accept. */
  private isAccepting = false
  private readonly files: SocketFile[] = []
  private readonly connections = new LinkedList()
  private connectionCount = 0
  /** Connections beyond the limit, or before `startServing`. */
  private readonly waiting = new Set<SocketTransport>()
  private closeWaiters: Future<void>[] = []
  private serving: Future<void> | null = null
  /** That of whoever made the server: a connection must not inherit that of whoever woke the loop. */
  private readonly context = captureContext('GyreServer')

  /** @internal */
  constructor(
    private readonly loop: EventLoop,
    private readonly factory: ProtocolFactory<Protocol>,
    private readonly settings: ServerSettings,
  ) {}

  /** The listening sockets; none once the server is closed. */
  get sockets(): readonly ServerSocket[] {
    return this.listeners.map(({ socket }) => socket)
  }

  getLoop(): EventLoop {
    return this.loop
  }

  isServing(): boolean {
    return this.state === State.SERVING
  }

  /**
   * Serves who connects, if the server was made with `startServing: false`; who connected before is
   * served first. Does nothing on a server that serves. RuntimeError on one that is closed.
   */
  startServing(): Operation<void> {
    return new GeneratorOperation('Server.startServing', this.startSteps.bind(this))
  }

  /** Stops accepting; connections that are there stay open, those that wait are dropped. */
  close(): void {
    if (this.state === State.CLOSED) return
    this.state = State.CLOSED
    this.loop._atDrain.delete(this.closeForDrain)
    for (const { handle } of this.listeners) handle.close()
    this.listeners = []
    this.removeFiles()
    for (const transport of [...this.waiting]) transport.abort()
    this.serving?.cancel()
    this.serving = null
    this.wakeIfOver()
  }

  /** Closes every connection, after sending what waits. */
  closeClients(): void {
    for (const transport of this.transports()) transport._top().close()
  }

  /** Drops every connection. */
  abortClients(): void {
    for (const transport of this.transports()) transport._top().abort()
  }

  /** Waits until the server is closed and its last connection is over. */
  waitClosed(): Operation<void> {
    return new GeneratorOperation('Server.waitClosed', this.waitUntilOver.bind(this))
  }

  /** Serves until it is cancelled or the server is closed; then closes and waits for the end. */
  serveForever(): Operation<void> {
    return new GeneratorOperation('Server.serveForever', this.serveUntilCancelled.bind(this))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.waitClosed()
  }

  [inspect.custom](): string {
    const places = this.sockets.map(({ host, port, family }) => {
      return family === 'Unix' ? inspect(host) : `${host}:${port}`
    })
    const verb = this.isServing() ? 'listening on' : 'not yet serving on'
    const state = this.state === State.CLOSED ? 'closed' : `${verb} ${places.join(', ')}`
    return `<Server ${state}, ${this.connectionCount} connections>`
  }

  /** @internal Opens a listening socket, which accepts nobody yet. */
  *_listen(
    place: Pick<ListenEndpoint, 'at' | 'ipv6Only'>,
  ): Generator<Future<unknown>, void, unknown> {
    refuseWhileDraining(this.loop)
    const opened = new Future<null>(this.loop)
    const events: ListenerEvents = {
      listening: () => {
        if (!opened.done()) opened.setResult(null)
      },
      listenFailed: (error) => {
        if (!opened.done()) opened.setException(error)
      },
      streamAccepted: (stream) => this.context.runInAsyncScope(this.accept, this, stream),
      acceptFailed: (error) => this.acceptFailed(handle, error),
    }
    const { backlog, reuseAddress, reusePort } = this.settings
    const endpoint = { ...place, backlog, reuseAddress, reusePort, paused: true }
    const handle = this.loop._backend.listen(endpoint, events)
    try {
      yield* opened
      refuseWhileDraining(this.loop)
    } catch (error) {
      // Cancelled when the socket was there already: its file goes with it.
      if (handle.isOpen() && 'path' in place.at) new SocketFile(place.at.path).remove()
      handle.close()
      throw error
    }
    this.loop._atDrain.add(this.closeForDrain)
    if (this.settings.cleanupSocket && 'path' in place.at) this.keepFile(place.at.path)
    const socket = new ServerSocket(socketName(handle.localAddress()) as SocketName)
    this.listeners.push({ handle, socket })
  }

  /** @internal Serves who connects. REQUIRES: it is not closed. */
  _serve(): void {
    this.state = State.SERVING
    this.serveWaiting()
  }

  /** A loop that drains takes no new work, so its servers stop accepting. */
  private readonly closeForDrain = (): void => this.close()

  private accept(stream: StreamHandle): StreamEvents {
    const transport = new SocketTransport(this.loop, NO_PROTOCOL, this)
    transport._attach(stream)
    if (this.hasRoom() && this.waiting.size === 0) {
      this.serve(transport)
    } else if (this.waiting.size < this.settings.backlog) {
      this.waiting.add(transport)
    } else {
      transport.abort()
    }
    this.adjustListeners()
    return transport
  }

  private transports(): SocketTransport[] {
    return [...this.connections] as SocketTransport[]
  }

  private hasRoom(): boolean {
    const isFull = this.connectionCount >= this.settings.maxConnections
    return this.state === State.SERVING && !isFull
  }

  /** Gives a connection its protocol. */
  private serve(transport: SocketTransport): void {
    let protocol: Protocol
    try {
      protocol = this.factory()
      checkProtocol('factory()', protocol)
    } catch (error) {
      this.loop._callbackFailed(error, 'Error in the protocol factory of a server', {
        server: this,
      })
      transport.abort()
      return
    }
    transport.setProtocol(protocol)
    this.connections.add(transport)
    this.connectionCount++
    applyOptions(transport, this.settings)
    // The backend learns who hears of the stream first; the protocol next, in a turn.
    this.loop.ring.push(Kind.HANDLE, new Beginning(transport))
  }

  /** Serves those that wait, as many as there is room for. */
  private serveWaiting(): void {
    for (const transport of this.waiting) {
      if (!this.hasRoom()) break
      this.waiting.delete(transport)
      this.context.runInAsyncScope(this.serve, this, transport)
    }
    this.adjustListeners()
  }

  /** Lets the listeners accept exactly while there is room. */
  private adjustListeners(): void {
    const mayAccept = this.hasRoom()
    if (mayAccept === this.isAccepting) return
    this.isAccepting = mayAccept
    for (const { handle } of this.listeners) mayAccept ? handle.resume() : handle.pause()
  }

  private acceptFailed(handle: ListenerHandle, error: Error): void {
    this.loop.callExceptionHandler({
      message: 'accept() failed; the server rests for a second',
      exception: error,
      server: this,
    })
    this.loop.callLater(ACCEPT_RETRY_DELAY_MS, () => {
      if (this.isAccepting && this.state === State.SERVING) handle.resume()
    })
  }

  /** @internal */
  _lost(transport: SocketTransport): void {
    // One that waits, or whose protocol could not be made, is no connection yet.
    if (transport._previous !== null) {
      this.connections.remove(transport)
      this.connectionCount--
    }
    this.waiting.delete(transport)
    if (this.state === State.SERVING) this.serveWaiting()
    this.wakeIfOver()
  }

  /** The file goes when the server is closed, or its loop. */
  private keepFile(path: string): void {
    this.files.push(new SocketFile(path))
    if (this.files.length === 1) this.loop._atClose.push(this.removeFiles)
  }

  private readonly removeFiles = (): void => {
    const { _atClose } = this.loop
    const index = _atClose.indexOf(this.removeFiles)
    if (index >= 0) _atClose.splice(index, 1)
    for (const file of this.files.splice(0)) {
      try {
        file.remove()
      } catch (error) {
        const message = 'The file of a Unix socket could not be removed'
        this.loop.callExceptionHandler({ message, exception: error, server: this })
      }
    }
  }

  private wakeIfOver(): void {
    if (this.state !== State.CLOSED || this.connectionCount > 0) return
    for (const waiter of this.closeWaiters.splice(0)) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }

  private *startSteps(): Generator<Future<unknown>, void, unknown> {
    if (this.state === State.CLOSED) throw serverClosed()
    if (this.state === State.BOUND) this._serve()
    yield* sleep(0)
  }

  private *waitUntilOver(): Generator<Future<unknown>, void, unknown> {
    if (this.state === State.CLOSED && this.connectionCount === 0) return
    const waiter = new Future<void>(this.loop)
    this.closeWaiters.push(waiter)
    try {
      yield* waiter
    } finally {
      // Who gives up waits no more; a server that is asked every second would keep them all.
      this.closeWaiters = this.closeWaiters.filter((other) => other !== waiter)
    }
  }

  private *serveUntilCancelled(): Generator<Future<unknown>, void, unknown> {
    if (this.serving !== null) {
      throw new RuntimeError('server is already being awaited on serveForever()', 'ERR_SERVING')
    }
    if (this.state === State.CLOSED) throw serverClosed()
    if (this.state === State.BOUND) this._serve()
    this.serving = new Future<void>(this.loop)
    try {
      yield* this.serving
    } finally {
      this.close()
      yield* this.waitUntilOver()
    }
  }
}

function serverClosed(): RuntimeError {
  return new RuntimeError('server is closed', 'ERR_SERVER_CLOSED')
}
