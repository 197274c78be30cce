// The handshake: from a transport to a TLS transport on it, at either end.
//
// Invariants: 1. It ends in a transport or an error; in every error, a cancellation included, the
//                transport below is aborted and nothing is left of it.
//             2. What the peer sends right behind the handshake is kept until there is a protocol.

import type { Duplex } from 'node:stream'
import tls, { createSecureContext } from 'node:tls'
import { GyreError } from '../errors/errors'
import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import type { Protocol, Transport } from '../net/protocol'
import { SocketTransport } from '../net/transport'
import { type Footing, footingOn, hungUp } from './footing'
import { checkTimeouts, type TlsClientOptions, type TlsServerOptions } from './options'
import { acceptSecurely, type HandshakeEvents, serverFor } from './tls_server'
import { TlsTransport } from './tls_transport'

/** One end's part in handshakes: how to begin one, and how long things may take. */
export interface Side {
  begin(duplex: Duplex, events: HandshakeEvents): void
  readonly handshakeTimeout: number
  readonly shutdownTimeout: number
}

/** Throws what Node says of unusable keys and certificates. */
export function clientSide(options: TlsClientOptions): Side {
  const { handshakeTimeout: _, shutdownTimeout: __, ...given } = options
  // As tls.connect makes it, but before there is a connection that it would be too late for.
  const forNode = { ...given, secureContext: given.secureContext ?? createSecureContext(given) }
  return {
    ...checkTimeouts(options),
    begin(duplex, { secured, failed }) {
      const socket = tls.connect({ ...forNode, socket: duplex })
      socket.on('error', failed)
      socket.on('close', () => failed(hungUp()))
      socket.on('secureConnect', () => secured(socket))
    },
  }
}

/** Throws what Node says of unusable keys and certificates. */
export function serverSide(options: TlsServerOptions): Side {
  const server = serverFor(options)
  return {
    ...checkTimeouts(options),
    begin: (duplex, events) => acceptSecurely(server, duplex, events),
  }
}

/**
 * Does the handshake on `below`, whose protocol is replaced. `received` came in before. The
 * protocol of the transport that it gives is told of nothing yet.
 */
export function* secure(
  loop: EventLoop,
  below: Transport,
  protocol: Protocol,
  side: Side,
  received?: Buffer,
): Generator<Future<unknown>, TlsTransport, unknown> {
  const secured = new Future<TlsTransport>(loop)
  const failed = (error: Error) => {
    // A loop that closes destroys its sockets, and nobody waits any more.
    if (!secured.done() && !loop.isClosed()) secured.setException(error)
  }
  const timer = loop.callLater(side.handshakeTimeout, () => failed(handshakeTimedOut()))
  let footing: Footing | null = null
  let transport: TlsTransport | null = null
  try {
    footing = yield* footingOn(below, failed, received)
    const { duplex, held, settled } = footing
    side.begin(duplex, {
      failed,
      secured(socket) {
        if (secured.done()) return
        settled(socket)
        const nobody: Protocol = { connectionLost: (error) => failed(error ?? hungUp()) }
        const made = new TlsTransport(loop, nobody, socket, below, side.shutdownTimeout, held)
        made.pauseReading()
        transport = made
        // Node tells of it before the last of the handshake is sent, which would be lost if whoever
        // hears of it drops the connection at once.
        setImmediate(() => {
          if (!secured.done() && !loop.isClosed()) secured.setResult(made)
        })
      },
    })
    const result = yield* secured
    result.setProtocol(protocol)
    result.resumeReading()
    if (below instanceof SocketTransport) below._putOn(result)
    return result
  } catch (error) {
    // Once the transport is there, it is what hears of the end; its protocol knows nothing of it yet.
    const unused = transport as TlsTransport | null
    unused?.setProtocol({})
    unused?.abort()
    footing?.duplex.destroy()
    below.abort()
    throw error
  } finally {
    timer.cancel()
    settle(secured)
  }
}

/** Nobody looks at the outcome any more, whatever it is or will be. */
function settle(future: Future<unknown>): void {
  if (!future.cancel() && !future.cancelled()) future.exception()
}

function handshakeTimedOut(): Error {
  return new GyreError('the TLS handshake took too long', 'ERR_TLS_HANDSHAKE_TIMEOUT')
}
