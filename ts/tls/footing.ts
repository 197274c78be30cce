// What node:tls stands on: the socket itself, where the transport below can go on as one of Node's, and
// else a stream made of the transport.
//
// On a socket, TLS and the system talk without JavaScript between them. For a stream node:tls copies
// each record, calls JavaScript for it and waits for setImmediate before the next; so that is for what
// has no socket (TLS inside of TLS, pipes, transports of somebody else's), and for the rare socket
// that still has bytes to send.
//
// Invariants: 1. What came in before is the beginning of what TLS gets, and nothing is lost.
//             2. A peer that ends in the handshake makes the stream close.

import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { NodeSocketHandle } from '../backend/backend'
import { TransportDuplex } from '../bridge/transport_duplex'
import { sleep } from '../combine/sleep'
import { RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import type { Transport } from '../net/protocol'
import { SocketTransport } from '../net/transport'

export interface Footing {
  readonly duplex: Duplex
  /** The socket that `duplex` is, if it is one. */
  readonly held: NodeSocketHandle | null
  /** The handshake is done: from now on it is TLS that says what becomes of the peer's end. */
  readonly settled: (socket: TLSSocket) => void
}

/** Takes the transport over from its protocol. `failed` hears of its end before TLS does. */
export function* footingOn(
  below: Transport,
  failed: (error: Error) => void,
  received: Buffer | undefined,
): Generator<Future<unknown>, Footing, unknown> {
  if (below.isClosing()) {
    throw new RuntimeError('the transport is closing', 'ERR_TRANSPORT_CLOSED')
  }
  if (below instanceof SocketTransport) {
    let failure: Error | null = null
    below.setProtocol({
      connectionLost: (error) => {
        failure = error
      },
    })
    below.pauseReading()
    // What stands in the ready ring already is held when this goes on, and nothing follows it.
    yield* sleep(0)
    if (below.isClosing()) throw failure ?? hungUp()
    const held = below._toNodeSocket()
    if (held !== null) return onSocket(below, held, received)
  }
  return onStream(below, failed, received)
}

function onSocket(below: SocketTransport, held: NodeSocketHandle, received?: Buffer): Footing {
  const { socket } = held
  for (const data of [received, ...below._takeHeld()].reverse()) {
    if (data !== undefined && data.length > 0) socket.unshift(data)
  }
  // TLS has this from its socket. An end is none of TLS yet, and answered by our own.
  socket.allowHalfOpen = false
  held.hold(true)
  return { duplex: socket, held, settled: keepHalfOpen }
}

function onStream(
  below: Transport,
  failed: (error: Error) => void,
  received: Buffer | undefined,
): Footing {
  const duplex = new TransportDuplex({ allowHalfOpen: true })
  duplex._isReadAtOnce = true
  // It hears of what breaks the connection before TLS does, and in better words.
  duplex.on('error', failed)
  // Node would wait for more where the stream may be half open. TLS says what it makes of the end.
  const ended = () => void duplex.destroy()
  duplex.on('end', ended)
  duplex._attach(below, { received })
  return { duplex, held: null, settled: () => duplex.off('end', ended) }
}

function keepHalfOpen(socket: TLSSocket): void {
  socket.allowHalfOpen = true
}

/** A connection that ended before there was TLS on it. */
export function hungUp(): Error {
  const error = new Error('the connection was closed before the TLS handshake was done')
  return Object.assign(error, { code: 'ECONNRESET' })
}
