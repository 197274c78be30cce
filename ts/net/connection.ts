// EventLoop.createConnection: a client's TCP connection, with a protocol.

import { checkFunction, invalidType } from '../errors/arguments'
import { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { clientSide, secure } from '../tls/handshake'
import { checkClientOptions, type TlsClientOptions } from '../tls/options'
import { checkHostPort, type ResolvedAddress, resolve } from './address'
import type { Protocol, Transport } from './protocol'
import { SocketTransport } from './transport'

export interface ConnectionOptions {
  /** A host name or address. By default the local host. */
  host?: string | undefined
  /** 1 to 65535. */
  port: number
  /** The address and port to connect from. */
  localAddress?: string | undefined
  localPort?: number | undefined
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
     * Connects to a TCP server and gives the transport with the protocol that `factory` made. Every
     * address of the host is tried in turn. Rejects with the system's error (ECONNREFUSED …), or an
     * AggregateError of several. Cancelling it closes the socket.
     */
    createConnection<P extends Protocol>(
      factory: ProtocolFactory<P>,
      options: ConnectionOptions,
    ): Future<Connection<P>>
    createConnection<P extends Protocol>(
      factory: ProtocolFactory<P>,
      host: string,
      port: number,
    ): Future<Connection<P>>
  }
}

EventLoop.prototype.createConnection = function createConnection<P extends Protocol>(
  this: EventLoop,
  factory: ProtocolFactory<P>,
  where: ConnectionOptions | string,
  port?: number,
): Future<Connection<P>> {
  checkFunction('factory', factory)
  const options = connectionOptions(where, port)
  this._checkOpen()
  const steps = connect(this, factory, options)
  return this.createTask(steps, { name: `connect ${options.host ?? 'localhost'}:${options.port}` })
}

/** Options in one form, checked. `where` is a host in the form with positional arguments. */
export function connectionOptions(
  where: ConnectionOptions | string,
  port: number | undefined,
): ConnectionOptions {
  const given = typeof where === 'string' ? { host: where, port: port as number } : where
  if (typeof given !== 'object' || given === null) throw invalidType('options', 'an object', given)
  checkHostPort(given.host, given.port)
  if (given.localAddress !== undefined || given.localPort !== undefined) {
    checkHostPort(given.localAddress, given.localPort ?? 0)
  }
  if (given.tls !== undefined) checkClientOptions(given.tls, given.host ?? 'localhost')
  return given
}

/** The steps of connecting; with TLS, up to the end of its handshake. */
export function* connect<P extends Protocol>(
  loop: EventLoop,
  factory: ProtocolFactory<P>,
  options: ConnectionOptions,
): Generator<Future<unknown>, Connection<P>, unknown> {
  if (options.tls === undefined) return yield* connectPlainly(loop, factory, options)
  const side = clientSide(checkClientOptions(options.tls, options.host ?? 'localhost'))
  const { transport: below } = yield* connectPlainly(loop, () => ({}), options)
  const protocol = factory()
  const transport = yield* secure(loop, below, protocol, side)
  transport._begin()
  return connectionOf(transport, protocol)
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
  const addresses = yield* resolve(options.host ?? 'localhost')
  const errors: Error[] = []
  for (const address of addresses) {
    const outcome = yield* connectTo(loop, factory, address, options)
    if (!(outcome instanceof Error)) return outcome
    errors.push(outcome)
  }
  throw errorOf(errors)
}

/** One attempt: the connection, or why there is none. */
function* connectTo<P extends Protocol>(
  loop: EventLoop,
  factory: ProtocolFactory<P>,
  { address }: ResolvedAddress,
  options: ConnectionOptions,
): Generator<Future<unknown>, Connection<P> | Error, unknown> {
  const attempt = new Future<Error | null>(loop)
  const connected = (error: Error | null) => {
    if (!attempt.done()) attempt.setResult(error)
  }
  // Until the socket is connected, the transport has a protocol that hears of nothing.
  const transport = new SocketTransport(loop, {}, connected)
  const { port, localAddress = null, localPort = 0 } = options
  transport._attach(loop._backend.connect({ address, port, localAddress, localPort }, transport))
  try {
    const error = yield* attempt
    if (error !== null) return error
    const protocol = factory()
    transport.setProtocol(protocol)
    transport._begin()
    return connectionOf(transport, protocol)
  } catch (error) {
    transport.abort()
    throw error
  }
}

function errorOf(errors: Error[]): Error {
  const [first] = errors as [NodeJS.ErrnoException]
  if (errors.length === 1) return first
  const message = errors.map((error) => error.message).join('; ')
  return Object.assign(new AggregateError(errors, message), { code: first.code })
}
