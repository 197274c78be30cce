// A server's protocols behind TLS: each connection is told to its protocol when its handshake is
// done, and not at all when it fails.

import { invalidType } from '../errors/arguments'
import { isCancelled } from '../errors/errors'
import type { Future } from '../future/future'
import { outsideTasks } from '../future/stepping'
import type { EventLoop } from '../loop/loop'
import type { Protocol, Transport } from '../net/protocol'
import { createOwnTask } from '../task/create'
import { type Side, secure, serverSide } from './handshake'
import { checkServerOptions, type TlsServerOptions } from './options'

/**
 * A factory whose protocols do the handshake and hand over to those of `factory`. Throws TypeError
 * for options without a certificate, and what Node says of unusable ones.
 */
export function securedFactory(
  loop: EventLoop,
  factory: () => Protocol,
  options: TlsServerOptions,
): () => Protocol {
  checkServerOptions(options)
  const side = serverSide(options)
  return () => {
    const protocol = factory()
    if (typeof protocol !== 'object' || protocol === null) {
      throw invalidType('factory()', 'a protocol', protocol)
    }
    return {
      connectionMade: (transport) => {
        if (loop._admission?.mayMake(null) === false) {
          // Accepted just before the loop began to drain: nobody will serve it.
          transport.abort()
          return
        }
        // What comes is for TLS, which receives it by itself where it can.
        transport.pauseReading()
        const steps = greet(loop, transport, protocol, side, options)
        createOwnTask(loop, steps, { name: 'TLS handshake' })
      },
    }
  }
}

function* greet(
  loop: EventLoop,
  below: Transport,
  protocol: Protocol,
  side: Side,
  options: TlsServerOptions,
): Generator<Future<unknown>, void, unknown> {
  // Asked for now: a connection that is over may not be able to say it any more.
  below.getExtraInfo('peername')
  try {
    const transport = yield* secure(loop, below, protocol, side)
    // The protocol is no part of the handshake: as without TLS, it hears of everything in no task.
    outsideTasks(() => transport._begin())
  } catch (error) {
    if (isCancelled(error)) throw error
    if (options.onHandshakeError !== undefined) {
      options.onHandshakeError(error as Error, below)
    } else if (loop.getDebug()) {
      const message = 'TLS handshake failed'
      loop.callExceptionHandler({ message, exception: error, transport: below })
    }
  }
}
