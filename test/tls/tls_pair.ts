// Two ends of one TLS connection on the running loop, each with a recording protocol.

import { type Coroutine, getRunningLoop, type Protocol, type TlsTimeouts } from 'gyre'
import { type Pair, portOf } from '../net/pair.js'
import { Recorder } from '../net/recorder.js'
import { ca, server as identity } from './certificates.js'

export type TlsPair = Pair

/** What the protocols of both ends do, and how long both ends wait for the other. */
export interface TlsPairOptions extends TlsTimeouts {
  client?: Protocol
  accepted?: Protocol
  /** Is given both ends before there is a connection. */
  meet?: (client: Recorder, accepted: Recorder) => void
}

export function* connectTlsPair(options: TlsPairOptions = {}): Coroutine<TlsPair> {
  const { client: clientHooks, accepted: acceptedHooks, meet = () => {}, ...times } = options
  const loop = getRunningLoop()
  const accepted = new Recorder(acceptedHooks)
  const client = new Recorder(clientHooks)
  meet(client, accepted)
  const server = yield* loop.createServer(() => accepted, {
    host: '127.0.0.1',
    tls: { ...identity, ...times },
  })
  yield* loop.createConnection(() => client, {
    host: 'localhost',
    family: 4,
    port: portOf(server),
    tls: { ca, ...times },
  })
  // A client that aborts at once does not let the server finish its handshake.
  if (!client.transport.isClosing()) yield* accepted.until(() => accepted.calls.length > 0)
  return { server, client, accepted }
}

/** Runs `body` with a pair, and drops the pair whatever comes of it. */
export function* withTlsPair(
  options: TlsPairOptions,
  body: (pair: TlsPair) => Coroutine<void>,
): Coroutine<void> {
  const pair = yield* connectTlsPair(options)
  try {
    yield* body(pair)
  } finally {
    const { client, accepted, server } = pair
    server.close()
    for (const end of [client, accepted]) {
      if (end.calls.length === 0) continue
      end.transport.abort()
      yield* end.untilLost()
    }
    yield* server.waitClosed()
  }
}
