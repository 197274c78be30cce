// openConnection and startServer: connections as a reader and a writer, after asyncio's streams.

import { checkFunction, checkObject, checkSwitch } from '../errors/arguments'
import type { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { type Coroutine, isGeneratorFunction } from '../task/coroutine'
import { createOwnOpening } from '../task/opening'
import type { Task } from '../task/task'
import { checkPath } from './address'
import { type ConnectionOptions, connect, connectionOptions, connectName } from './connection'
import { FlowControl } from './flow_control'
import { type ServerOptions, serverOptions } from './listen'
import type { Protocol, Transport } from './protocol'
import type { Server } from './server'
import { StreamReader } from './stream_reader'
import { StreamWriter } from './stream_writer'
import { SocketTransport } from './transport'

export interface StreamOptions {
  /** The reader's limit in bytes; by default 64 KiB. */
  limit?: number | undefined
  /** Whether what the reader gives is only valid until it is asked for more; by default false. */
  borrow?: boolean | undefined
}

/** `{ reader, writer }`, which can also be taken apart as `[reader, writer]`. */
export type StreamPair = readonly [reader: StreamReader, writer: StreamWriter] & {
  readonly reader: StreamReader
  readonly writer: StreamWriter
}

/** Serves one connection; a generator function or an async function. */
export type StreamHandler = (
  reader: StreamReader,
  writer: StreamWriter,
) => Coroutine<void> | PromiseLike<void>

/** Feeds a reader from a connection, and holds up writers that are too fast. */
export class StreamProtocol extends FlowControl implements Protocol {
  declare readonly reader: StreamReader

  constructor(
    loop: EventLoop,
    { limit, borrow }: StreamOptions,
    /** Called for a connection that was accepted. */
    private readonly onConnection: ((reader: StreamReader, writer: StreamWriter) => void) | null,
  ) {
    super(loop, new StreamReader({ limit, borrow, loop }))
  }

  override get isServer(): boolean {
    return this.onConnection !== null
  }

  connectionMade(transport: Transport): void {
    this.reader.setTransport(transport)
    this.onConnection?.(this.reader, new StreamWriter(transport, this))
  }

  /** Reader and writer of a connection that was made by this end. */
  pairOn(transport: Transport): StreamPair {
    const { reader } = this
    const writer = new StreamWriter(transport, this)
    return Object.assign([reader, writer] as const, { reader, writer })
  }

  dataReceived(data: Uint8Array): void {
    this.reader._received(data)
  }

  eofReceived(): boolean {
    this.reader.feedEof()
    return true
  }

  override connectionLost(error: Error | null): void {
    if (error === null) this.reader.feedEof()
    else this.reader.setException(error)
    super.connectionLost(error)
  }

  pauseWriting(): void {
    this.pause()
  }

  resumeWriting(): void {
    this.resume()
  }
}

/**
 * Connects to a TCP server, or with `path` to a Unix socket, and gives a reader and a writer. Rejects
 * with the system's error. Cancelling it closes the socket.
 */
export function openConnection(
  options: ConnectionOptions & StreamOptions,
  streamOptions?: StreamOptions,
): Future<StreamPair>
export function openConnection(
  host: string,
  port: number,
  options?: ConnectionOptions & StreamOptions,
): Future<StreamPair>
export function openConnection(
  where: (ConnectionOptions & StreamOptions) | string,
  second?: number | StreamOptions,
  third: ConnectionOptions & StreamOptions = {},
): Future<StreamPair> {
  const isPositional = typeof where === 'string'
  const port = isPositional ? (second as number) : undefined
  const options: ConnectionOptions & StreamOptions = connectionOptions(where, port, third)
  const loop = schedulingLoop()
  const streamOptions = isPositional ? {} : ((second as StreamOptions | undefined) ?? {})
  checkObject('streamOptions', streamOptions)
  const { limit = options.limit, borrow = options.borrow } = streamOptions
  const make = () => new StreamProtocol(loop, { limit, borrow }, null)
  // Made once now, so that a bad limit is an error at once.
  make()
  const steps = openStreams(loop, options, make)
  return createOwnOpening(loop, steps, connectName(options), ({ writer }) => {
    writer.transport.abort()
  })
}

/** Connects to the Unix socket at `path`; `openConnection` with `{ path }`. */
export function openUnixConnection(path: string, options?: StreamOptions): Future<StreamPair> {
  checkPath('path', path)
  return openConnection({ path }, options)
}

function* openStreams(
  loop: EventLoop,
  options: ConnectionOptions,
  make: () => StreamProtocol,
): Generator<Future<unknown>, StreamPair, unknown> {
  const { transport, protocol } = yield* connect(loop, make, options)
  return protocol.pairOn(transport)
}

export interface StreamServerOptions extends ServerOptions, StreamOptions {
  /** The tasks of the handlers drain: a soft shutdown lets them finish. */
  drain?: boolean | undefined
}

/**
 * Serves TCP connections, or with `path` those of a Unix socket: for each, `handler(reader, writer)`
 * runs as a task. What a handler throws is reported, and its connection closed; a handler that returns
 * leaves closing to whoever has the writer. Rejects with the system's error (EADDRINUSE …).
 */
export function startServer(handler: StreamHandler, options?: StreamServerOptions): Future<Server>
export function startServer(
  handler: StreamHandler,
  host: string | readonly string[] | null,
  port: number,
  options?: StreamServerOptions,
): Future<Server>
export function startServer(
  handler: StreamHandler,
  where: StreamServerOptions | string | readonly string[] | null = {},
  port?: number,
  rest: StreamServerOptions = {},
): Future<Server> {
  checkFunction('handler', handler)
  const loop = schedulingLoop()
  const options: StreamServerOptions = serverOptions(where, port, rest)
  const { drain = false } = options
  checkSwitch('options.drain', drain)
  const onConnection = (reader: StreamReader, writer: StreamWriter) => {
    serve(loop, handler, reader, writer, drain)
  }
  const make = () => new StreamProtocol(loop, options, onConnection)
  make()
  return loop.createServer(make, options)
}

/** Serves the connections of the Unix socket at `path`; `startServer` with `{ path }`. */
export function startUnixServer(
  handler: StreamHandler,
  path: string,
  options: StreamServerOptions = {},
): Future<Server> {
  checkPath('path', path)
  checkObject('options', options)
  return startServer(handler, { ...options, path })
}

/** The tasks of handlers: held, so that a connection that nobody reads from is still served. */
function serve(
  loop: EventLoop,
  handler: StreamHandler,
  reader: StreamReader,
  writer: StreamWriter,
  drain: boolean,
): void {
  if (loop._admission?.mayMake(null) === false) {
    // Accepted just before the loop began to drain: nobody will serve it.
    writer.transport.abort()
    return
  }
  const { transport } = writer
  // The task is of this connection, as what the transport calls is, and shares its context.
  const context = transport instanceof SocketTransport ? transport._context : undefined
  const options = { drain, context }
  const task: Task<void> = isGeneratorFunction(handler)
    ? loop.createTask(handler(reader, writer), options)
    : loop.createTask(() => handler(reader, writer), options)
  task._addWaiter(writer)
}
