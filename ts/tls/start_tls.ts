// EventLoop.startTls: TLS on a connection that began without it.

import { invalidType } from '../errors/arguments'
import { isCancelled } from '../errors/errors'
import type { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import type { Protocol, Transport } from '../net/protocol'
import { createOwnOpening } from '../task/opening'
import { clientSide, type Side, secure, serverSide } from './handshake'
import {
  checkClientOptions,
  checkServerOptions,
  type TlsClientOptions,
  type TlsServerOptions,
} from './options'

/** A client's options, or a server's with `isServer: true`. */
export type StartTlsOptions =
  | (TlsClientOptions & { isServer?: false | undefined })
  | (TlsServerOptions & { isServer: true })

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Does a TLS handshake on a connection, and gives the transport on which `protocol` goes on; it
     * is not told `connectionMade` again, and the old transport must not be used any more. Rejects
     * with Node's error (CERT_HAS_EXPIRED, ERR_TLS_CERT_ALTNAME_INVALID …), or with
     * ERR_TLS_HANDSHAKE_TIMEOUT; the connection is dropped then, and `protocol` told so.
     */
    startTls(transport: Transport, protocol: Protocol, options: StartTlsOptions): Future<Transport>
  }
}

EventLoop.prototype.startTls = function startTls(
  this: EventLoop,
  transport: Transport,
  protocol: Protocol,
  options: StartTlsOptions,
): Future<Transport> {
  if (typeof transport?.setProtocol !== 'function') {
    throw invalidType('transport', 'a transport', transport)
  }
  if (typeof protocol !== 'object' || protocol === null) {
    throw invalidType('protocol', 'an object', protocol)
  }
  this._checkOpen()
  const side = sideFor(options, options?.isServer)
  const steps = upgrade(this, transport, protocol, side)
  return createOwnOpening(this, steps, 'TLS handshake', (secured) => secured.abort())
}

/** The side that `isServer` speaks of, with options that are checked. */
export function sideFor(options: StartTlsOptions, isServer: boolean | undefined): Side {
  if (isServer === true) {
    checkServerOptions(options)
    return serverSide(options)
  }
  return clientSide(checkClientOptions(options as TlsClientOptions, undefined))
}

/** The steps of an upgrade: the protocol goes on where it was, on the new transport. */
export function* upgrade(
  loop: EventLoop,
  transport: Transport,
  protocol: Protocol,
  side: Side,
  received?: Buffer,
): Generator<Future<unknown>, Transport, unknown> {
  try {
    return yield* secure(loop, transport, protocol, side, received)
  } catch (error) {
    // The protocol has heard that the connection was made, and must hear of its end. It still
    // stands on a transport that was closing before, and hears of it there.
    if (transport.getProtocol() !== protocol) {
      const reason = error instanceof Error && !isCancelled(error) ? error : null
      loop.callSoon(() => protocol.connectionLost?.(reason))
    }
    throw error
  }
}
