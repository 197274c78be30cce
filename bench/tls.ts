// TLS: what a request and its reply cost a server that encrypts them, and what a handshake costs. All
// but CPython do the cryptography by Node's OpenSSL, so the difference is what stands around it.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type net from 'node:net'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { type Coroutine, getRunningLoop, startServer } from 'gyre'
import { EchoProtocol, echoByGenerator } from './echo_servers.js'
import { pythonPeer } from './peer.js'
import { onBothBackends, type Scenario, type ServerArm, type ServerCase } from './scenario.js'

const KIB = 1024

/** A certificate of the tests, for a key on P-256. */
function pathOf(name: string): string {
  return fileURLToPath(new URL(`../../test/tls/certificates/${name}.pem`, import.meta.url))
}

const [cert, key] = ['server', 'server.key'].map((name) => readFileSync(pathOf(name), 'utf8')) as [
  string,
  string,
]

async function serveWithNode(): Promise<number> {
  const server = tls.createServer({ cert, key, noDelay: true }, (socket) => {
    socket.on('data', (data) => socket.write(data))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

function* serveByProtocol(): Coroutine<number> {
  const options = { host: '127.0.0.1', tls: { cert, key } }
  const server = yield* getRunningLoop().createServer(() => new EchoProtocol(), options)
  return server.sockets[0]!.port
}

function* serveByGenerator(): Coroutine<number> {
  const server = yield* startServer(echoByGenerator, { host: '127.0.0.1', tls: { cert, key } })
  return server.sockets[0]!.port
}

const certificates = [pathOf('server'), pathOf('server.key')]

const arms: readonly ServerArm[] = [
  { name: 'node:tls', backend: null, serve: serveWithNode },
  ...onBothBackends('protocol', { serve: serveByProtocol }),
  ...onBothBackends('streams, generator', { serve: serveByGenerator }),
  ...['asyncio', 'uvloop'].map((loop) => ({
    name: `${loop} protocol`,
    backend: null,
    peer: pythonPeer('echo.py', loop, loop, 'protocol', ...certificates),
  })),
]

function underLoad(kib: number, connections: number, count: number): ServerCase {
  const load = { connections, messageBytes: kib * KIB, window: 1, isSecure: true }
  return { kind: 'server', name: `${kib} KiB x ${connections}`, load, count, arms }
}

export const tlsServers: Scenario = {
  name: 'tls',
  title: 'Echo over TLS 1.3, CPU time of the server for each request',
  cases: [
    underLoad(1, 100, 10_000),
    underLoad(16, 100, 5_000),
    { kind: 'server', name: 'handshakes', load: { handshakesAtOnce: 10 }, count: 500, arms },
  ],
}
