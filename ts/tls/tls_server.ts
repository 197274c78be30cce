// The server's end of a handshake, done by a tls.Server of Node's that never listens: it is handed
// the connections, as its documentation allows ("any Duplex can be passed" to its 'connection').

import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import type { TlsServerOptions } from './options'

/** What becomes of one handshake. */
export interface HandshakeEvents {
  secured(socket: tls.TLSSocket): void
  failed(error: Error): void
}

/** The time is kept by the loop's clock. Node's own takes 0 for two minutes; this is its longest. */
const NODE_TIMEOUT_MS = 2 ** 31 - 1

/** Making a server reads keys and certificates: once for all connections with the same options. */
const servers = new WeakMap<TlsServerOptions, { server: tls.Server; madeOf: TlsServerOptions }>()

/** Throws what Node says of unusable keys and certificates. */
export function serverFor(options: TlsServerOptions): tls.Server {
  const known = servers.get(options)
  if (known !== undefined && hasSameValues(known.madeOf, options)) return known.server
  const { handshakeTimeout: _, shutdownTimeout: __, onHandshakeError: ___, ...forNode } = options
  const ours = { handshakeTimeout: NODE_TIMEOUT_MS, allowHalfOpen: true }
  const server = tls.createServer({ ...forNode, ...ours })
  servers.set(options, { server, madeOf: { ...options } })
  return server
}

/** Whether nothing was put into the options since, such as a renewed certificate. */
function hasSameValues(before: TlsServerOptions, now: TlsServerOptions): boolean {
  const names = Object.keys(now) as (keyof TlsServerOptions)[]
  return (
    names.length === Object.keys(before).length &&
    names.every((name) => Object.is(before[name], now[name]))
  )
}

/** Begins the server's side of a handshake on `duplex`. */
export function acceptSecurely(server: tls.Server, duplex: Duplex, events: HandshakeEvents): void {
  // The server would tell all of its listeners of every connection: each connection gets a server
  // of its own that hears by itself, and has all else from the real one.
  const emit = (event: string, ...args: unknown[]): boolean => {
    if (event === 'secureConnection') events.secured(args[0] as tls.TLSSocket)
    else if (event === 'tlsClientError') events.failed(reasonOf(args as [Error, tls.TLSSocket]))
    else return server.emit(event, ...args)
    return true
  }
  const own: tls.Server = Object.create(server, { emit: { value: emit } })
  EventEmitter.prototype.emit.call(own, 'connection', duplex)
}

/** A client whose certificate was refused has just been hung up on, as far as Node's error goes. */
function reasonOf([error, socket]: [Error, tls.TLSSocket]): Error {
  const code: unknown = socket.authorizationError
  if (typeof code !== 'string') return error
  const refusal = new Error(`the client's certificate was refused: ${code}`, { cause: error })
  return Object.assign(refusal, { code })
}
