// EventLoop.createConnection and createUnixConnection: a client's connection, with a protocol.

import type { InternetPlace, Place } from '../backend/backend'
import {
  checkDelay,
  checkFunction,
  checkInteger,
  checkObject,
  checkSwitch,
  invalidType,
} from '../errors/arguments'
import { GyreError } from '../errors/errors'
import { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { createOwnOpening } from '../task/opening'
import { clientSide, secure } from '../tls/handshake'
import { checkClientOptions, type TlsClientOptions } from '../tls/options'
import {
  type AddressFamily,
  checkFamily,
  checkHostPort,
  checkPath,
  type ResolvedAddress,
  resolve,
} from './address'
import { checkProtocol, type Protocol, type Transport } from './protocol'
import { type Attempt, interleave, race } from './race'
import { SocketTransport } from './transport'

/** How long an attempt is alone before the next address is tried (RFC 8305, section 8). */
const HAPPY_EYEBALLS_DELAY_MS = 250

/** Receives nothing: that is for TLS, which does it by itself where it can. */
const WAITING_FOR_TLS: Protocol = { connectionMade: (transport) => transport.pauseReading() }

export interface SocketOptions {
  /** Whether small writes leave at once (TCP_NODELAY). By default true. TCP only. */
  noDelay?: boolean | undefined
  /** Whether a silent peer is asked if it still lives (SO_KEEPALIVE). By default false. TCP only. */
  keepAlive?: boolean | undefined
}

export interface ConnectionOptions extends SocketOptions {
  /** A host name or address. By default the local host. */
  host?: string | undefined
  /** 1 to 65535. */
  port?: number | undefined
  /** Instead of host and port: a Unix socket, or behind a NUL a name in the abstract name space. */
  path?: string | undefined
  /** 4 or 6: only addresses of this family. By default 0, either. */
  family?: 0 | 4 | 6 | undefined
  /** The host name or address, and the port, to connect from. */
  localAddress?: string | undefined
  localPort?: number | undefined
  /**
   * How long an attempt to connect to one address is alone before the next address is tried beside
   * it, in milliseconds; null: until it has failed. By default 250 (RFC 8305).
   */
  happyEyeballsDelay?: number | null | undefined
  /**
   * How many addresses of the first family are tried before the families take turns; 0 keeps the
   * resolver's order. By default 1, and 0 where `happyEyeballsDelay` is null, as in asyncio.
   */
  interleave?: number | undefined
  /** Speaks TLS: true, or with options of Node's `tls.connect`. */
  tls?: TlsClientOptions | true | undefined
}

/** `{ transport, protocol }`, which can also be taken apart as `[transport, protocol]`. */
export type Connection<P extends Protocol> = readonly [transport: Transport, protocol: P] & {
  readonly transport: Transport
  readonly protocol: P
}

export type ProtocolFactory<P extends Protocol> = () => P

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Connects to a TCP server, or with `path` to a Unix socket, and gives the transport with the
     * protocol that `factory` made. The addresses of the host are tried as RFC 8305 has it. Rejects
     * with the system's error (ECONNREFUSED …), or an AggregateError of several that differ.
     * Cancelling it closes the socket.
     */
    createConnection<P extends Protocol>(
      factory: ProtocolFactory<P>,
      options: ConnectionOptions,
    ): Future<Connection<P>>
    createConnection<P extends Protocol>(
      factory: ProtocolFactory<P>,
      host: string,
      port: number,
      options?: ConnectionOptions,
    ): Future<Connection<P>>

    /** Connects to the Unix socket at `path`; `createConnection` with `{ path }`. */
    createUnixConnection<P extends Protocol>(
      factory: ProtocolFactory<P>,
      path: string,
    ): Future<Connection<P>>
  }
}

EventLoop.prototype.createConnection = function createConnection<P extends Protocol>(
  this: EventLoop,
  factory: ProtocolFactory<P>,
  where: ConnectionOptions | string,
  port?: number,
  rest?: ConnectionOptions,
): Future<Connection<P>> {
  checkFunction('factory', factory)
  const options = connectionOptions(where, port, rest)
  this._checkOpen()
  const steps = connect(this, factory, options)
  return createOwnOpening(this, steps, connectName(options), ({ transport }) => transport.abort())
}

EventLoop.prototype.createUnixConnection = function createUnixConnection<P extends Protocol>(
  this: EventLoop,
  factory: ProtocolFactory<P>,
  path: string,
): Future<Connection<P>> {
  checkPath('path', path)
  return this.createConnection(factory, { path })
}

/** Options in one form, checked. `where` is a host in the form with positional arguments. */
export function connectionOptions(
  where: ConnectionOptions | string,
  port: number | undefined,
  rest: ConnectionOptions = {},
): ConnectionOptions {
  checkObject('options', rest)
  const given = typeof where === 'string' ? { ...rest, host: where, port } : where
  checkObject('options', given)
  const { localAddress, localPort, path, happyEyeballsDelay: delay } = given
  checkSwitch('options.noDelay', given.noDelay)
  checkSwitch('options.keepAlive', given.keepAlive)
  if (given.tls !== undefined) checkClientOptions(given.tls, peerName(given))
  if (path !== undefined) {
    checkPath('options.path', path)
    checkAlone('options.path', path, given)
    return given
  }
  checkHostPort(given.host, given.port)
  checkFamily('options.family', given.family)
  if (localAddress !== undefined || localPort !== undefined) {
    checkHostPort(localAddress, localPort ?? 0, 'options.localAddress', 'options.localPort')
  }
  if (delay !== undefined && delay !== null) checkDelay('options.happyEyeballsDelay', delay)
  if (given.interleave !== undefined) checkInteger('options.interleave', given.interleave, 0)
  return given
}

/** Who the peer has to be, if it has to prove that; behind a path nobody has a name. */
function peerName({ path, host }: ConnectionOptions): string | undefined {
  return path === undefined ? (host ?? 'localhost') : undefined
}

/** A path says where a Unix socket is; a host or port beside it would say it is something else. */
export function checkAlone(name: string, path: string, given: object): void {
  const { host, port } = given as { host?: unknown; port?: unknown }
  if ((host !== undefined && host !== null) || port !== undefined) {
    throw invalidType(name, 'alone, without a host or a port', path)
  }
}

/** The name of a task that connects. */
export function connectName({ host, port, path }: ConnectionOptions): string {
  return path === undefined ? `connect ${host ?? 'localhost'}:${port}` : `connect ${path}`
}

/** The steps of connecting; with TLS, up to the end of its handshake. */
export function* connect<P extends Protocol>(
  loop: EventLoop,
  factory: ProtocolFactory<P>,
  options: ConnectionOptions,
): Generator<Future<unknown>, Connection<P>, unknown> {
  if (options.tls === undefined) return yield* connectPlainly(loop, factory, options)
  const side = clientSide(checkClientOptions(options.tls, peerName(options)))
  const { transport: below } = yield* connectPlainly(loop, () => WAITING_FOR_TLS, options)
  const protocol = madeFor(below, factory)
  const transport = yield* secure(loop, below, protocol, side)
  transport._begin()
  return connectionOf(transport, protocol)
}

/** The factory's protocol; where it fails, the connection is dropped. */
function madeFor<P extends Protocol>(transport: Transport, factory: ProtocolFactory<P>): P {
  try {
    const protocol = factory()
    checkProtocol('factory()', protocol)
    return protocol
  } catch (error) {
    transport.abort()
    throw error
  }
}

function connectionOf<P extends Protocol>(transport: Transport, protocol: P): Connection<P> {
  return Object.assign([transport, protocol] as const, { transport, protocol })
}

/**
 * The steps of connecting, with no turn between the connection and its end: whoever is cancelled in
 * these steps has no socket left open.
 */
function* connectPlainly<P extends Protocol>(
  loop: EventLoop,
  factory: ProtocolFactory<P>,
  options: ConnectionOptions,
): Generator<Future<unknown>, Connection<P>, unknown> {
  const { path } = options
  const transport =
    path === undefined ? yield* connectInternet(loop, options) : yield* connectPath(loop, path)
  try {
    applyOptions(transport, options)
    const protocol = factory()
    checkProtocol('factory()', protocol)
    transport.setProtocol(protocol)
    transport._begin()
    return connectionOf(transport, protocol)
  } catch (error) {
    transport.abort()
    throw error
  }
}

function* connectInternet(
  loop: EventLoop,
  options: ConnectionOptions,
): Generator<Future<unknown>, SocketTransport, unknown> {
  const {
    host = 'localhost',
    port = 0,
    happyEyeballsDelay: delayMs = HAPPY_EYEBALLS_DELAY_MS,
  } = options
  const found = yield* resolve(
    host === '' ? 'localhost' : host,
    checkFamily('family', options.family),
  )
  const local = yield* resolveLocal(options)
  // An address that nothing can be bound to is no address to connect to (asyncio does the same).
  const reachable = found.filter(({ family }) => local === null || local.has(family))
  if (reachable.length === 0) throw noLocalAddress(options.localAddress)
  const { interleave: first = delayMs === null ? 0 : 1 } = options
  const addresses = first === 0 ? reachable : interleave(reachable, first)
  const begin = ({ address, family }: ResolvedAddress, settled: (error: Error | null) => void) =>
    attempt(loop, { address, port }, local?.get(family) ?? null, settled)
  const end = yield* race<SocketTransport & Attempt>(loop, { addresses, delayMs, begin })
  if ('errors' in end) throw errorOf(end.errors)
  return end.winner
}

/** A socket at the path, with a protocol that hears of nothing: there is one place, and no race. */
export function* connectPath(
  loop: EventLoop,
  path: string,
): Generator<Future<unknown>, SocketTransport, unknown> {
  const connected = new Future<Error | null>(loop)
  const transport = attempt(loop, { path }, null, (error) => {
    if (!connected.done()) connected.setResult(error)
  })
  try {
    const error = yield* connected
    if (error !== null) throw error
  } catch (error) {
    transport.abort()
    throw error
  }
  return transport
}

/** Begins to connect. Until it is connected, the transport has a protocol that hears of nothing. */
function attempt(
  loop: EventLoop,
  to: Place,
  from: InternetPlace | null,
  settled: (error: Error | null) => void,
): SocketTransport {
  const transport = new SocketTransport(loop, {}, { _connected: settled })
  transport._attach(loop._backend.connect({ to, from }, transport))
  return transport
}

/** By family, where to connect from; null where the system chooses. */
function* resolveLocal({
  localAddress,
  localPort: port = 0,
}: ConnectionOptions): Generator<
  Future<unknown>,
  Map<AddressFamily, InternetPlace> | null,
  unknown
> {
  if (localAddress === undefined && port === 0) return null
  const places = new Map<AddressFamily, InternetPlace>()
  if (localAddress === undefined || localAddress === '') {
    places.set(4, { address: '0.0.0.0', port }).set(6, { address: '::', port })
    return places
  }
  for (const { address, family } of yield* resolve(localAddress)) {
    if (!places.has(family)) places.set(family, { address, port })
  }
  return places
}

export function applyOptions(transport: SocketTransport, options: SocketOptions): void {
  if (options.noDelay === undefined && options.keepAlive === undefined) return
  const socket = transport.getExtraInfo('socket')
  if (options.noDelay !== undefined) socket.setNoDelay(options.noDelay)
  if (options.keepAlive !== undefined) socket.setKeepAlive(options.keepAlive)
}

function noLocalAddress(localAddress: string | undefined): GyreError {
  const message = `the host has no address of the family of the local address ${localAddress}`
  return new GyreError(message, 'ERR_NO_LOCAL_ADDRESS')
}

/** The error itself where there is one, or all say the same (asyncio does the same). */
function errorOf(errors: Error[]): Error {
  const [first] = errors as [NodeJS.ErrnoException]
  if (errors.every(({ message }) => message === first.message)) return first
  const message = errors.map((error) => error.message).join('; ')
  return Object.assign(new AggregateError(errors, message), { code: first.code })
}
