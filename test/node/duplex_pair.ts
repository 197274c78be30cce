// A connection of Gyre's whose client end is a stream of Node's, and tests with async bodies.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ExceptionContext,
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

/** Connects a stream to reader and writer. */
export async function connectDuplex(options?: TransportDuplexOptions): Promise<DuplexPair> {
  const loop = getRunningLoop()
  const accepted = loop.createFuture<StreamPair>()
  const handler: StreamHandler = async (reader, writer) => {
    if (accepted.done()) {
      // A further connection: kept until the client ends it.
      await reader.read()
      writer.close()
      return
    }
    accepted.setResult(Object.assign([reader, writer] as const, { reader, writer }))
  }
  const server = await startServer(handler, { host: '127.0.0.1', port: 0 })
  const connection = await openConnection('127.0.0.1', portOf(server))
  const duplex = toDuplex(connection, options)
  return { duplex, peer: await accepted, server }
}

/** Connects the two ends, and drops both behind `body`, whatever comes of it. */
export async function withDuplex(
  body: (pair: DuplexPair) => Promise<void>,
  options?: TransportDuplexOptions,
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
