// Two ends of one TCP connection on the running loop, each with a recording protocol.

import { type Coroutine, getRunningLoop, type Protocol, type Server } from 'gyre'
import { Recorder } from './recorder.js'

export interface Pair {
  server: Server
  client: Recorder
  /** The server's end. */
  accepted: Recorder
}

/** Connects the two ends; the hooks say what their protocols do. */
export function* connectPair(
  hooks: { client?: Protocol; accepted?: Protocol } = {},
): Coroutine<Pair> {
  const loop = getRunningLoop()
  const accepted = new Recorder(hooks.accepted)
  const server = yield* loop.createServer(() => accepted, '127.0.0.1', 0)
  const { protocol: client } = yield* loop.createConnection(
    () => new Recorder(hooks.client),
    '127.0.0.1',
    portOf(server),
  )
  yield* accepted.until(() => accepted.calls.length > 0)
  return { server, client, accepted }
}

/** Drops both ends, closes the server and waits until all of them are over. */
export function* disconnectPair({ server, client, accepted }: Pair): Coroutine<void> {
  client.transport.abort()
  accepted.transport.abort()
  server.close()
  yield* client.untilLost()
  yield* accepted.untilLost()
  yield* server.waitClosed()
}

/** Runs `body` with a pair, and drops the pair whatever comes of it. */
export function* withPair(
  body: (pair: Pair) => Coroutine<void>,
  hooks: { client?: Protocol; accepted?: Protocol } = {},
): Coroutine<void> {
  const pair = yield* connectPair(hooks)
  try {
    yield* body(pair)
  } finally {
    yield* disconnectPair(pair)
  }
}

export function portOf(server: Server): number {
  return server.sockets[0]!.port
}
