// A connection of Gyre's whose client end is a stream of Node's, and tests with async bodies.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ExceptionContext,
  type Future,
  getRunningLoop,
  openConnection,
  run,
  type Server,
  type StreamHandler,
  type StreamPair,
  startServer,
} from 'gyre'
import { type TransportDuplex, type TransportDuplexOptions, toDuplex } from 'gyre/node'
import { portOf } from '../net/pair.js'
import { ca, server as identity } from '../tls/certificates.js'

const TIMEOUT_MS = 60_000

/** Declares a test whose body is an async function on a loop of its own, which has nothing to report. */
export function testAsync(name: string, body: () => Promise<void>): void {
  test(name, { timeout: TIMEOUT_MS }, async ({ signal }) => {
    const reports: ExceptionContext[] = []
    await run(
      async () => {
        getRunningLoop().setExceptionHandler((_loop, context) => {
          reports.push(context)
        })
        await body()
      },
      { signal },
    )
    assert.deepEqual(
      reports.map(({ message, exception }) => [message, exception]),
      [],
      'the loop had errors to report',
    )
  })
}

export interface DuplexPair {
  duplex: TransportDuplex
  /** The server's end. */
  peer: StreamPair
  server: Server
}

/** The options of the stream, and whether the connection speaks TLS. */
export interface DuplexPairOptions extends TransportDuplexOptions {
  isSecure?: boolean
}

/** Connects to the server of a pair. */
export function dialDuplex(server: Server, isSecure: boolean): Future<StreamPair> {
  const tls = isSecure ? { tls: { ca, servername: 'localhost' } } : {}
  return openConnection({ host: '127.0.0.1', port: portOf(server), ...tls })
}

/** Connects a stream to reader and writer. */
export async function connectDuplex(given: DuplexPairOptions = {}): Promise<DuplexPair> {
  const { isSecure = false, ...options } = given
  const loop = getRunningLoop()
  const accepted = loop.createFuture<StreamPair>()
  const handler: StreamHandler = async (reader, writer) => {
    if (accepted.done()) {
      // A further connection: kept until the client ends it. Destroyed in the instant of its handshake,
      // it is reset, as what the server sent last is never read; so it is with node:tls.
      try {
        await reader.read()
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET')
      }
      writer.close()
      return
    }
    accepted.setResult(Object.assign([reader, writer] as const, { reader, writer }))
  }
  const tls = isSecure ? { tls: identity } : {}
  const server = await startServer(handler, { host: '127.0.0.1', port: 0, ...tls })
  const connection = await dialDuplex(server, isSecure)
  const duplex = toDuplex(connection, options)
  return { duplex, peer: await accepted, server }
}

/** Connects the two ends, and drops both behind `body`, whatever comes of it. */
export async function withDuplex(
  body: (pair: DuplexPair) => Promise<void>,
  options?: DuplexPairOptions,
): Promise<void> {
  const pair = await connectDuplex(options)
  try {
    await body(pair)
  } finally {
    pair.duplex.destroy()
    pair.peer.writer.transport.abort()
    pair.server.close()
    await pair.server.waitClosed()
  }
}
