// EventLoop.createServer and createUnixServer: from what a server is asked to listen on to its sockets.

import {
  checkFunction,
  checkInteger,
  checkObject,
  checkSwitch,
  invalidType,
} from '../errors/arguments'
import { NotSupportedError } from '../errors/errors'
import type { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { createOpening } from '../task/opening'
import type { TlsServerOptions } from '../tls/options'
import { securedFactory } from '../tls/secured_factory'
import { checkFamily, checkHostPort, checkPath, type ResolvedAddress, resolve } from './address'
import { checkAlone, type ProtocolFactory, type SocketOptions } from './connection'
import type { Protocol } from './protocol'
import { Server, type ServerSettings } from './server'
import { removeStale } from './socket_file'

export interface ServerOptions extends SocketOptions {
  /** Host names or addresses; by default every interface. */
  host?: string | readonly string[] | null | undefined
  /** 0 to 65535; 0, the default, lets the system choose, for each address anew. */
  port?: number | undefined
  /**
   * Instead of host and port: the path of a Unix socket, or behind a NUL a name in Linux's abstract
   * name space. A socket that is left over at the path is replaced if nobody listens there.
   */
  path?: string | undefined
  /** Whether the file at `path` is removed when the server is closed. By default true. */
  cleanupSocket?: boolean | undefined
  /** 4 or 6: only addresses of this family. By default 0, either. */
  family?: 0 | 4 | 6 | undefined
  /** How many connections may wait to be accepted. By default 100. */
  backlog?: number | undefined
  /**
   * How many connections are served at a time; further ones wait, at most `backlog` of them. By
   * default as many as come.
   */
  maxConnections?: number | undefined
  /** SO_REUSEADDR, by default true. False needs the native backend. */
  reuseAddress?: boolean | undefined
  /** Lets several sockets listen on the port (SO_REUSEPORT). On the fallback from Node 22.12 on. */
  reusePort?: boolean | undefined
  /** Speaks TLS, with the options of Node's `tls.createServer`: a certificate and its key … */
  tls?: TlsServerOptions | undefined
  /** False: who connects waits until `server.startServing()` or `serveForever()`. */
  startServing?: boolean | undefined
}

const SWITCHES = [
  'reuseAddress',
  'reusePort',
  'cleanupSocket',
  'startServing',
  'noDelay',
  'keepAlive',
] as const

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Listens for TCP connections, or with `path` at a Unix socket; each gets a protocol from
     * `factory`. Every address of every host is listened on. Rejects with the system's error
     * (EADDRINUSE, EACCES …).
     */
    createServer(factory: ProtocolFactory<Protocol>, options?: ServerOptions): Future<Server>
    createServer(
      factory: ProtocolFactory<Protocol>,
      host: string | readonly string[] | null,
      port: number,
      options?: ServerOptions,
    ): Future<Server>

    /** Listens at the Unix socket `path`; `createServer` with `{ path }`. */
    createUnixServer(
      factory: ProtocolFactory<Protocol>,
      path: string,
      options?: ServerOptions,
    ): Future<Server>
  }
}

EventLoop.prototype.createServer = function createServer(
  this: EventLoop,
  factory: ProtocolFactory<Protocol>,
  where: ServerOptions | string | readonly string[] | null = {},
  port?: number,
  rest: ServerOptions = {},
): Future<Server> {
  checkFunction('factory', factory)
  const options = serverOptions(where, port, rest)
  const settings = checkSettings(options)
  this._checkOpen()
  const { tls } = options
  const made = tls === undefined ? factory : securedFactory(this, factory, tls)
  const server = new Server(this, made, settings)
  const steps = open(this, server, options)
  return createOpening(this, steps, listenName(options), () => server.close())
}

EventLoop.prototype.createUnixServer = function createUnixServer(
  this: EventLoop,
  factory: ProtocolFactory<Protocol>,
  path: string,
  options: ServerOptions = {},
): Future<Server> {
  checkPath('path', path)
  checkObject('options', options)
  return this.createServer(factory, { ...options, path })
}

/** Options in one form. `where` is a host, or several, in the form with positional arguments. */
export function serverOptions(
  where: ServerOptions | string | readonly string[] | null,
  port: number | undefined,
  rest: ServerOptions,
): ServerOptions {
  const isPositional = typeof where === 'string' || where === null || Array.isArray(where)
  checkObject('options', isPositional ? rest : where)
  if (!isPositional) return where as ServerOptions
  // Who gives a host gives a port: without one, every interface would be listened on, somewhere.
  if (port === undefined) throw invalidType('port', 'a number', port)
  return { ...rest, host: where as string | readonly string[] | null, port }
}

function checkSettings(options: ServerOptions): ServerSettings {
  const { host, port = 0, path, backlog = 100, maxConnections = Infinity } = options
  if (path === undefined) {
    for (const name of hostsOf(host)) checkHostPort(name, port)
    checkFamily('options.family', options.family)
  } else {
    checkPath('options.path', path)
    checkAlone('options.path', path, options)
  }
  checkInteger('options.backlog', backlog, 1, 65535)
  if (maxConnections !== Infinity) checkInteger('options.maxConnections', maxConnections, 1)
  for (const name of SWITCHES) checkSwitch(`options.${name}`, options[name])
  const { reuseAddress = true, reusePort = false, cleanupSocket = true } = options
  const { noDelay, keepAlive } = options
  return {
    backlog,
    maxConnections,
    reuseAddress,
    reusePort,
    cleanupSocket,
    noDelay,
    keepAlive,
  }
}

/** Undefined stands for every interface, as do an empty name and no name at all. */
function hostsOf(host: ServerOptions['host']): (string | undefined)[] {
  const hosts = Array.isArray(host) ? (host as readonly string[]) : [host as string | null]
  return hosts.length === 0
    ? [undefined]
    : hosts.map((name) => (name === '' ? undefined : (name ?? undefined)))
}

function listenName({ host, port, path }: ServerOptions): string {
  return path === undefined ? `listen ${host ?? '*'}:${port ?? 0}` : `listen ${path}`
}

function* open(
  loop: EventLoop,
  server: Server,
  options: ServerOptions,
): Generator<Future<unknown>, Server, unknown> {
  try {
    if (options.path !== undefined) yield* listenAtPath(loop, server, options.path)
    else yield* listenAtHosts(server, options)
    if (options.startServing ?? true) server._serve()
    return server
  } catch (error) {
    server.close()
    throw error
  }
}

function* listenAtPath(
  loop: EventLoop,
  server: Server,
  path: string,
): Generator<Future<unknown>, void, unknown> {
  if (path.startsWith('\0') && process.platform !== 'linux') {
    throw new NotSupportedError('abstract names of Unix sockets are a feature of Linux')
  }
  yield* removeStale(loop, path)
  yield* server._listen({ at: { path }, ipv6Only: false })
}

function* listenAtHosts(
  server: Server,
  { host, port = 0, family: familyOption }: ServerOptions,
): Generator<Future<unknown>, void, unknown> {
  const family = checkFamily('options.family', familyOption)
  const places = new Map<string, ResolvedAddress>()
  for (const name of hostsOf(host)) {
    if (name === undefined) {
      yield* listenEverywhere(server, port, family)
      continue
    }
    for (const found of yield* resolve(name, family)) places.set(found.address, found)
  }
  let unavailable: unknown = null
  for (const { address, family: kind } of places.values()) {
    try {
      yield* server._listen({ at: { address, port }, ipv6Only: kind === 6 })
    } catch (error) {
      if (!isUnavailable(error)) throw error
      unavailable = error
    }
  }
  if (server.sockets.length === 0) throw unavailable
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
  port: number,
  family: 4 | 6 | undefined,
): Generator<Future<unknown>, void, unknown> {
  if (family !== 4) {
    try {
      yield* server._listen({ at: { address: '::', port }, ipv6Only: family === 6 })
      return
    } catch (error) {
      if (!isUnavailable(error) || family === 6) throw error
    }
  }
  yield* server._listen({ at: { address: '0.0.0.0', port }, ipv6Only: false })
}
