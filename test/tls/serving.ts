// TLS servers for the length of a body, and what tests do with connections.

import {
  type Coroutine,
  openConnection,
  type ServerOptions,
  type StreamHandler,
  type StreamPair,
  type StreamReader,
  type StreamWriter,
  startServer,
  type TlsClientOptions,
  type TlsServerOptions,
} from 'gyre'
import { portOf } from '../net/pair.js'
import { ca, server as identity } from './certificates.js'

/** Gives everything back, until the end. */
export function* echo(reader: StreamReader, writer: StreamWriter): Coroutine<void> {
  for (;;) {
    const chunk = yield* reader.read(64 * 1024)
    if (chunk.length === 0) break
    writer.write(chunk)
    yield* writer.drain()
  }
  writer.close()
  yield* writer.waitClosed()
}

/** Serves on 127.0.0.1 while `body` runs with the port; without TLS if `tls` is null. */
export function* serving(
  handler: StreamHandler,
  tls: Partial<TlsServerOptions> | null,
  body: (port: number) => Coroutine<void>,
): Coroutine<void> {
  const options: ServerOptions = { host: '127.0.0.1', port: 0 }
  if (tls !== null) options.tls = { ...identity, ...tls }
  const server = yield* startServer(handler, options)
  try {
    yield* body(portOf(server))
  } finally {
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

export function* connectTo(port: number, tls: TlsClientOptions = {}): Coroutine<StreamPair> {
  return yield* openConnection({ host: '127.0.0.1', port, tls: { ca, ...tls } })
}

export function* hangUp({ writer }: StreamPair): Coroutine<void> {
  writer.close()
  yield* writer.waitClosed()
}
