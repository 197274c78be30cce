// EventLoop.createServer, and Server.

import { inspect } from 'node:util'
import type { ListenerEvents, ListenerHandle, StreamEvents, StreamHandle } from '../backend/backend'
import { checkFunction, checkInteger, invalidType } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { refusal } from '../loop/admission'
import { captureContext } from '../loop/context'
import { EventLoop } from '../loop/loop'
import type { TlsServerOptions } from '../tls/options'
import { securedFactory } from '../tls/secured_factory'
import { checkHostPort, resolve, socketName } from './address'
import type { ProtocolFactory } from './connection'
import type { Protocol, SocketName } from './protocol'
import { SocketTransport } from './transport'

/** How long a listener rests that ran out of file descriptors or memory (asyncio does the same). */
const ACCEPT_RETRY_DELAY_MS = 1000

export interface ServerOptions {
  /** A host name or address; by default every interface. */
  host?: string | undefined
  /** 0 to 65535; 0, the default, lets the system choose. */
  port?: number | undefined
  /** How many connections may wait to be accepted. By default 100. */
  backlog?: number | undefined
  /** Lets several sockets listen on the port (SO_REUSEPORT). Native backend only. */
  reusePort?: boolean | undefined
  /** Speaks TLS, with the options of Node's `tls.createServer`: a certificate and its key … */
  tls?: TlsServerOptions | undefined
}

/** A listening socket of a server. */
export class ServerSocket {
  /** @internal */
  constructor(private readonly name: SocketName) {}

  get host(): string {
    return this.name.address
  }

  get port(): number {
    return this.name.port
  }

  get family(): 'IPv4' | 'IPv6' {
    return this.name.family
  }

  /** In Node's form. */
  address(): { address: string; family: 'IPv4' | 'IPv6'; port: number } {
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

interface Listening {
  handle: ListenerHandle
  socket: ServerSocket
}

/** What createServer and startServer give: the listening sockets and their connections. */
export class Server {
  private listeners: Listening[] = []
  private isClosed = false
  private readonly connections = new Set<SocketTransport>()
  private closeWaiters: Future<void>[] = []
  private serving: Future<void> | null = null
  /** That of whoever made the server: a connection must not inherit that of whoever woke the loop. */
  private readonly context = captureContext('GyreServer')

  /** @internal */
  constructor(
    private readonly loop: EventLoop,
    private readonly factory: ProtocolFactory<Protocol>,
  ) {}

  /** The listening sockets; none once the server is closed. */
  get sockets(): readonly ServerSocket[] {
    return this.listeners.map(({ socket }) => socket)
  }

  getLoop(): EventLoop {
    return this.loop
  }

  isServing(): boolean {
    return !this.isClosed
  }

  /** Stops accepting; connections that are there stay open. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.loop._atDrain.delete(this.closeForDrain)
    for (const { handle } of this.listeners) handle.close()
    this.listeners = []
    this.serving?.cancel()
    this.serving = null
    this.wakeIfOver()
  }

  /** Closes every connection, after sending what waits. */
  closeClients(): void {
    for (const transport of [...this.connections]) (transport._upper ?? transport).close()
  }

  /** Drops every connection. */
  abortClients(): void {
    for (const transport of [...this.connections]) (transport._upper ?? transport).abort()
  }

  /** Waits until the server is closed and its last connection is over. */
  waitClosed(): Operation<void> {
    return new GeneratorOperation(this.waitUntilOver.bind(this))
  }

  /** Serves until it is cancelled or the server is closed; then closes and waits for the end. */
  serveForever(): Operation<void> {
    return new GeneratorOperation(this.serveUntilCancelled.bind(this))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.waitClosed()
  }

  [inspect.custom](): string {
    const places = this.sockets.map(({ host, port }) => `${host}:${port}`).join(', ')
    const state = this.isClosed ? 'closed' : `listening on ${places}`
    return `<Server ${state}, ${this.connections.size} connections>`
  }

  /** @internal Opens a listening socket. */
  *_listen(
    address: string,
    ipv6Only: boolean,
    options: { port: number; backlog: number; reusePort: boolean },
  ): Generator<Future<unknown>, ServerSocket, unknown> {
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
    const handle: ListenerHandle = this.loop._backend.listen(
      { address, ipv6Only, ...options },
      events,
    )
    try {
      yield* opened
      refuseWhileDraining(this.loop)
    } catch (error) {
      handle.close()
      throw error
    }
    this.loop._atDrain.add(this.closeForDrain)
    const socket = new ServerSocket(socketName(handle.localAddress()) as SocketName)
    this.listeners.push({ handle, socket })
    return socket
  }

  /** A loop that drains takes no new work, so its servers stop accepting. */
  private readonly closeForDrain = (): void => this.close()

  private accept(stream: StreamHandle): StreamEvents {
    let protocol: Protocol
    try {
      protocol = this.factory()
      if (typeof protocol !== 'object' || protocol === null) {
        throw invalidType('factory()', 'a protocol', protocol)
      }
    } catch (error) {
      this.loop._callbackFailed(error, 'Error in the protocol factory of a server', {
        server: this,
      })
      const transport = new SocketTransport(this.loop, {})
      transport._attach(stream)
      transport.abort()
      return transport
    }
    const transport = new SocketTransport(this.loop, protocol, undefined, this.lost)
    transport._attach(stream)
    this.connections.add(transport)
    // The backend learns who hears of the stream first; the protocol next.
    this.loop.callSoon(() => transport._begin())
    return transport
  }

  private acceptFailed(handle: ListenerHandle, error: Error): void {
    this.loop.callExceptionHandler({
      message: 'accept() failed; the server rests for a second',
      exception: error,
      server: this,
    })
    this.loop.callLater(ACCEPT_RETRY_DELAY_MS, () => {
      if (!this.isClosed) handle.resume()
    })
  }

  private readonly lost = (transport: SocketTransport): void => {
    this.connections.delete(transport)
    this.wakeIfOver()
  }

  private wakeIfOver(): void {
    if (!this.isClosed || this.connections.size > 0) return
    for (const waiter of this.closeWaiters.splice(0)) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }

  private *waitUntilOver(): Generator<Future<unknown>, void, unknown> {
    if (this.isClosed && this.connections.size === 0) return
    const waiter = new Future<void>(this.loop)
    this.closeWaiters.push(waiter)
    yield* waiter
  }

  private *serveUntilCancelled(): Generator<Future<unknown>, void, unknown> {
    if (this.serving !== null) {
      throw new RuntimeError('server is already being awaited on serveForever()', 'ERR_SERVING')
    }
    if (this.isClosed) throw new RuntimeError('server is closed', 'ERR_SERVER_CLOSED')
    this.serving = new Future<void>(this.loop)
    try {
      yield* this.serving
    } finally {
      this.close()
      yield* this.waitUntilOver()
    }
  }
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Listens for TCP connections; each gets a protocol from `factory`. A host name with several
     * addresses is listened on at all of them, at one port. Rejects with the system's error
     * (EADDRINUSE, EACCES …).
     */
    createServer(factory: ProtocolFactory<Protocol>, options?: ServerOptions): Future<Server>
    createServer(
      factory: ProtocolFactory<Protocol>,
      host: string | null,
      port: number,
      options?: ServerOptions,
    ): Future<Server>
  }
}

EventLoop.prototype.createServer = function createServer(
  this: EventLoop,
  factory: ProtocolFactory<Protocol>,
  where: ServerOptions | string | null = {},
  port?: number,
  rest: ServerOptions = {},
): Future<Server> {
  checkFunction('factory', factory)
  const isPositional = typeof where === 'string' || where === null
  const options = isPositional ? { ...rest, host: where ?? undefined, port } : where
  if (typeof options !== 'object') throw invalidType('options', 'an object', options)
  const { backlog = 100, reusePort = false } = options
  const checked = checkHostPort(options.host, options.port ?? 0)
  checkInteger('options.backlog', backlog, 1, 65535)
  this._checkOpen()
  const { tls } = options
  const server = new Server(this, tls === undefined ? factory : securedFactory(this, factory, tls))
  const steps = open(server, checked.host, { port: checked.port, backlog, reusePort })
  return this.createTask(steps, { name: `listen ${checked.host ?? '*'}:${checked.port}` })
}

function* open(
  server: Server,
  host: string | undefined,
  options: { port: number; backlog: number; reusePort: boolean },
): Generator<Future<unknown>, Server, unknown> {
  if (host === undefined) {
    yield* listenEverywhere(server, options)
    return server
  }
  let { port } = options
  let unavailable: unknown = null
  for (const { address, family } of yield* resolve(host)) {
    try {
      const socket = yield* server._listen(address, family === 6, { ...options, port })
      // The system chooses once: all addresses of a name share the port.
      port = socket.port
    } catch (error) {
      if (!isUnavailable(error)) {
        server.close()
        throw error
      }
      unavailable = error
    }
  }
  if (server.sockets.length === 0) throw unavailable
  return server
}

/**
 * A name may stand for addresses of a family that is switched off; asyncio passes over them too.
 */
function isUnavailable(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL'
}

/** One socket for both families where the system has IPv6, as node:net does it. */
function* listenEverywhere(
  server: Server,
  options: { port: number; backlog: number; reusePort: boolean },
): Generator<Future<unknown>, void, unknown> {
  try {
    yield* server._listen('::', false, options)
  } catch (error) {
    if (!isUnavailable(error)) throw error
    yield* server._listen('0.0.0.0', false, options)
  }
}
