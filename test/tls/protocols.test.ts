// Protocols over TLS, where it begins and where it ends: each hears of its connection once or not at
// all, in no task, and can still ask what the connection was when it is lost.

import assert from 'node:assert/strict'
import type { TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import {
  type Coroutine,
  currentTask,
  type Future,
  gather,
  getRunningLoop,
  type Protocol,
  sleep,
  type TlsServerOptions,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { portOf } from '../net/pair.js'
import { Recorder } from '../net/recorder.js'
import { codeOf } from '../thrown.js'
import { ca, server as identity, other } from './certificates.js'
import { type TlsPair, withTlsPair } from './tls_pair.js'

/** Serves `accepted` over TLS while `body` runs. */
function* accepting(
  accepted: Protocol,
  body: (port: number) => Coroutine<void>,
  tls: TlsServerOptions = identity,
): Coroutine<void> {
  const options = { host: '127.0.0.1', tls }
  const server = yield* getRunningLoop().createServer(() => accepted, options)
  try {
    yield* body(portOf(server))
  } finally {
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

/** Options that cancel `opening()` when the handshake is done and its task has not heard of it. */
function cancelledAtTheEnd(opening: () => Future<unknown>) {
  const loop = getRunningLoop()
  return {
    ca,
    servername: 'localhost',
    // The last that Node asks for; what it schedules stands right before the task's next step.
    checkServerIdentity: () => {
      loop.callSoon(() => opening().cancel())
      return undefined
    },
  }
}

testOnLoop('a protocol hears of no connection that is cancelled as it is made', function* () {
  const loop = getRunningLoop()
  const accepted = new Recorder()
  yield* accepting(accepted, function* (port) {
    const client = new Recorder()
    const opening: Future<unknown> = loop.createConnection(() => client, {
      host: '127.0.0.1',
      port,
      tls: cancelledAtTheEnd(() => opening),
    })
    yield* gather([opening], { returnExceptions: true })
    assert.equal(opening.cancelled(), true)
    assert.deepEqual(client.calls, [])
  })
  // Whether the server got to the end of its handshake is up to what of the client's was sent.
  if (accepted.calls.length > 0) assert.equal(accepted.calls.at(-1), 'connectionLost')
})

testOnLoop('an upgrade that is cancelled as it ends tells its protocol once', function* () {
  const loop = getRunningLoop()
  const plain: Protocol = {
    connectionMade: (transport) => {
      loop.startTls(transport, accepted, { ...identity, isServer: true }).catch(() => {})
    },
  }
  const accepted = new Recorder()
  const server = yield* loop.createServer(() => plain, '127.0.0.1', 0)
  const { transport, protocol } = yield* loop.createConnection(
    () => new Recorder(),
    '127.0.0.1',
    portOf(server),
  )
  const opening: Future<unknown> = loop.startTls(
    transport,
    protocol,
    cancelledAtTheEnd(() => opening),
  )
  yield* gather([opening], { returnExceptions: true })
  assert.equal(opening.cancelled(), true)
  yield* protocol.untilLost()
  yield* accepted.untilLost()
  assert.deepEqual(protocol.calls, ['connectionMade', 'connectionLost'])
  server.close()
  yield* server.waitClosed()
})

testOnLoop('a protocol of a server is in no task, with TLS as without', function* () {
  const tasks: unknown[] = []
  const note = () => {
    tasks.push(currentTask())
  }
  const accepted = new Recorder({ connectionMade: note, dataReceived: note, connectionLost: note })
  yield* accepting(accepted, function* (port) {
    const options = { host: 'localhost', port, tls: { ca } }
    const { transport } = yield* getRunningLoop().createConnection(() => ({}), options)
    transport.write('hello')
    yield* accepted.untilReceived(5)
    transport.close()
    yield* accepted.untilLost()
    assert.deepEqual([...new Set(tasks)], [null])
    assert.ok(tasks.length >= 3)
  })
})

testOnLoop('a server is closed when the last of its protocols has heard so', function* () {
  const loop = getRunningLoop()
  const accepted = new Recorder()
  const server = yield* loop.createServer(() => accepted, { host: '127.0.0.1', tls: identity })
  const options = { host: 'localhost', port: portOf(server), tls: { ca } }
  const { transport } = yield* loop.createConnection(() => ({}), options)
  yield* accepted.until(() => accepted.calls.length > 0)
  server.close()
  transport.abort()
  yield* server.waitClosed()
  assert.equal(accepted.isLost, true)
})

const KNOWN = [
  'peername',
  'sockname',
  'cipher',
  'peercert',
  'tlsVersion',
  'alpnProtocol',
  'servername',
] as const

/** All that a transport tells of itself. */
const knownOf = ({ transport }: Recorder) =>
  KNOWN.map((name) => [name, transport.getExtraInfo(name)])

for (const [how, end] of [
  ['closed', ({ client }) => client.transport.close()],
  ['dropped', ({ client }) => client.transport.abort()],
  ['dropped by its peer', ({ accepted }) => accepted.transport.abort()],
] as [string, (pair: TlsPair) => void][]) {
  testOnLoop(`what a connection was can be asked when it is ${how}`, function* () {
    const atTheEnd: [string, unknown][][] = []
    const note = { connectionLost: () => atTheEnd.push(knownOf(pair!.client) as never) }
    let pair: TlsPair | undefined
    yield* withTlsPair({ client: note }, function* (made) {
      pair = made
      const { client } = made
      const before = knownOf(client)
      const socket = client.transport.getExtraInfo('tlsSocket') as TLSSocket
      assert.deepEqual(client.transport.getExtraInfo('peercert'), socket.getPeerCertificate())
      end(made)
      yield* client.untilLost()
      assert.deepEqual(atTheEnd, [before])
      assert.equal(new Map(before as [string, unknown][]).get('tlsVersion'), 'TLSv1.3')
    })
  })
}

testOnLoop('a client that just goes away is no error of the server’s', function* () {
  // Often enough to meet the moment in which the goodbye of the server finds nobody.
  for (let i = 0; i < 20; i++) {
    yield* withTlsPair({}, function* ({ client, accepted }) {
      client.transport.write('all that I have to say')
      yield* accepted.untilReceived(22)
      client.transport.abort()
      yield* accepted.untilLost()
      // Where the client had not read everything, the kernel may put a reset before its goodbye.
      const isReset = codeOf(accepted.lostWith) === 'ECONNRESET'
      const hasEnded = accepted.count('eofReceived') === 1
      assert.ok(hasEnded ? accepted.lostWith === null : isReset, inspect(accepted.lostWith))
    })
  }
})

testOnLoop(
  'a certificate that is renewed in the options is shown by the next upgrade',
  function* () {
    const loop = getRunningLoop()
    const options = { ...identity, isServer: true as const }
    const seen: unknown[] = []
    const plain = () => ({
      connectionMade: (transport: Parameters<NonNullable<Protocol['connectionMade']>>[0]) => {
        loop.startTls(transport, {}, options).catch(() => {})
      },
    })
    const server = yield* loop.createServer(plain, '127.0.0.1', 0)
    const look = function* () {
      const { transport } = yield* loop.createConnection(() => ({}), '127.0.0.1', portOf(server))
      const tls = { ca, servername: 'localhost', rejectUnauthorized: false }
      const secured = yield* loop.startTls(transport, {}, tls)
      seen.push(secured.getExtraInfo('peercert')?.subject.CN)
      secured.abort()
    }
    yield* look()
    Object.assign(options, other)
    yield* look()
    assert.deepEqual(seen, ['localhost', 'other.example'])
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  },
)

testOnLoop('no time of Node’s ends a handshake before that of the options', function* () {
  const times: unknown[] = []
  const tls: TlsServerOptions = {
    ...identity,
    handshakeTimeout: 10 * 60_000,
    // Node calls it on the socket that is in its handshake.
    SNICallback(this: { timeout?: number }, _name, done) {
      times.push(this.timeout)
      done(null)
    },
  }
  yield* accepting(
    {},
    function* (port) {
      const options = { host: 'localhost', port, tls: { ca } }
      const { transport } = yield* getRunningLoop().createConnection(() => ({}), options)
      const [ms] = times as [number | undefined]
      assert.ok(ms === undefined || ms === 0 || ms > 10 * 60_000, `${ms} ms`)
      assert.equal(times.length, 1)
      transport.close()
    },
    tls,
  )
})

testOnLoop('a client’s unusable key is refused before there is a connection', function* () {
  const loop = getRunningLoop()
  let connections = 0
  const server = yield* loop.createServer(
    () => {
      connections++
      return {}
    },
    '127.0.0.1',
    0,
  )
  const port = portOf(server)
  const tls = { ca, cert: identity.cert, key: other.key }
  const opening = loop.createConnection(() => ({}), { host: 'localhost', port, tls })
  const [outcome] = yield* gather([opening], { returnExceptions: true })
  assert.equal(codeOf(outcome), 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
  yield* sleep(5)
  assert.equal(connections, 0)
  server.close()
  yield* server.waitClosed()
})
