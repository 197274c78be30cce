// startTls: connections that begin without TLS and go on with it.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  type Coroutine,
  createTask,
  gather,
  getRunningLoop,
  openConnection,
  type StreamHandler,
  type StreamPair,
  sleep,
  type Transport,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { connectPair, disconnectPair, portOf } from '../net/pair.js'
import { Recorder } from '../net/recorder.js'
import { codeOf } from '../thrown.js'
import { ca, server } from './certificates.js'
import { hangUp, serving } from './serving.js'

/** Says 'ready' to STARTTLS, upgrades, and gives lines back in capitals. */
const upgrading: StreamHandler = function* (reader, writer) {
  const command = yield* reader.readline()
  assert.equal(command.toString(), 'STARTTLS\n')
  writer.write('ready\n')
  yield* writer.startTls(server)
  for (;;) {
    const line = yield* reader.readline()
    if (line.length === 0) break
    writer.write(line.toString().toUpperCase())
  }
  writer.close()
}

function* dial(port: number): Coroutine<StreamPair> {
  return yield* openConnection({ host: '127.0.0.1', port })
}

testOnLoop('reader and writer go on behind STARTTLS', function* () {
  yield* serving(upgrading, null, function* (port) {
    const pair = yield* dial(port)
    const { reader, writer } = pair
    const before = writer.transport
    writer.write('STARTTLS\n')
    assert.equal((yield* reader.readline()).toString(), 'ready\n')
    yield* writer.startTls({ ca, servername: 'localhost' })
    assert.notEqual(writer.transport, before)
    assert.equal(writer.getExtraInfo('peercert')?.subject.CN, 'localhost')
    writer.write('secret\n')
    assert.equal((yield* reader.readline()).toString(), 'SECRET\n')
    const long = `${randomBytes(30_000).toString('hex')}\n`
    writer.write(long)
    assert.equal((yield* reader.readline()).toString(), long.toUpperCase())
    yield* hangUp(pair)
  })
})

testOnLoop('a hello that came too early is the beginning of the handshake', function* (reports) {
  yield* serving(upgrading, null, function* (port) {
    const pair = yield* dial(port)
    const { reader, writer } = pair
    // Sent together with the hello, before the server says that it is ready.
    writer.write('STARTTLS\n')
    const clientHello = yield* helloOf(function* (hello) {
      writer.write(hello)
      // Not a handshake of its own: only what the server makes of the bytes is looked at.
      const answer = yield* reader.readexactly(6 + 5)
      assert.equal(answer.subarray(0, 6).toString(), 'ready\n')
      // A handshake record of TLS.
      assert.deepEqual([...answer.subarray(6, 8)], [22, 3])
    })
    assert.ok(clientHello > 0)
    writer.transport.abort()
    while (reports.length === 0) yield* sleep(1)
    const [{ exception }] = reports.splice(0) as [(typeof reports)[0]]
    assert.equal(codeOf(exception), 'ECONNRESET')
  })
})

/** Gives `body` the first bytes that a client sends. */
function* helloOf(body: (hello: Buffer) => Coroutine<void>): Coroutine<number> {
  const hello = getRunningLoop().createFuture<Buffer>()
  const listen: StreamHandler = function* (reader, writer) {
    const header = yield* reader.readexactly(5)
    const rest = yield* reader.readexactly(header.readUInt16BE(3))
    hello.setResult(Buffer.concat([header, rest]))
    writer.close()
  }
  let length = 0
  yield* serving(listen, null, function* (port) {
    const options = { host: 'localhost', port, tls: { ca } }
    const [outcome] = yield* gather([openConnection(options)], { returnExceptions: true })
    assert.equal(codeOf(outcome), 'ECONNRESET')
    const bytes = yield* hello
    length = bytes.length
    yield* body(bytes)
  })
  return length
}

testOnLoop('plain text slipped in before the handshake is not taken for an answer', function* () {
  const slipping: StreamHandler = function* (reader, writer) {
    yield* reader.readline()
    writer.write('ready\n250 slipped in\n')
    yield* reader.read(1)
    writer.close()
  }
  yield* serving(slipping, null, function* (port) {
    const { reader, writer } = yield* dial(port)
    writer.write('STARTTLS\n')
    assert.equal((yield* reader.readline()).toString(), 'ready\n')
    const upgrade = writer.startTls({ ca, servername: 'localhost' })
    const [outcome] = yield* gather([upgrade], { returnExceptions: true })
    assert.equal(codeOf(outcome), 'ERR_SSL_WRONG_VERSION_NUMBER')
    assert.equal(writer.isClosing(), true)
    const after = yield* gather([reader.read(), writer.waitClosed()], { returnExceptions: true })
    assert.deepEqual(after, [outcome, outcome])
  })
})

testOnLoop('an upgrade that is cancelled ends the connection for who reads it', function* () {
  const silent: StreamHandler = function* (reader, writer) {
    yield* reader.read()
    writer.close()
  }
  yield* serving(silent, null, function* (port) {
    const { reader, writer } = yield* dial(port)
    const upgrade = createTask(writer.startTls({ ca, servername: 'localhost' }))
    yield* sleep(2)
    upgrade.cancel()
    yield* gather([upgrade], { returnExceptions: true })
    assert.equal((yield* reader.read()).length, 0)
    yield* writer.waitClosed()
  })
})

testOnLoop('a protocol goes on behind loop.startTls, told of no second connection', function* () {
  const loop = getRunningLoop()
  const pair = yield* connectPair()
  const { client, accepted } = pair
  const [outer, inner] = yield* gather(
    loop.startTls(client.transport, client, { ca, servername: 'localhost' }),
    loop.startTls(accepted.transport, accepted, { ...server, isServer: true }),
  )
  outer.write('through')
  assert.equal((yield* accepted.untilReceived(7)).toString(), 'through')
  inner.write('and back')
  assert.equal((yield* client.untilReceived(8)).toString(), 'and back')
  assert.deepEqual([client.count('connectionMade'), accepted.count('connectionMade')], [1, 1])
  outer.close()
  assert.equal(yield* client.untilLost(), null)
  assert.equal(yield* accepted.untilLost(), null)
  yield* disconnectPair(pair)
})

testOnLoop('TLS runs inside TLS', function* () {
  const loop = getRunningLoop()
  const pair = yield* connectPair()
  const { client, accepted } = pair
  let ends = [client.transport, accepted.transport] as const
  for (let depth = 0; depth < 2; depth++) {
    ends = yield* gather(
      loop.startTls(ends[0], client, { ca, servername: 'localhost' }),
      loop.startTls(ends[1], accepted, { ...server, isServer: true }),
    )
  }
  const sent = randomBytes(200_000)
  ends[0].write(sent)
  assert.deepEqual(yield* accepted.untilReceived(sent.length), sent)
  ends[0].close()
  assert.equal(yield* client.untilLost(), null)
  assert.equal(yield* accepted.untilLost(), null)
  yield* disconnectPair(pair)
})

testOnLoop('a server closes its clients by the TLS inside their TLS', function* () {
  const loop = getRunningLoop()
  const sent = randomBytes(2 * 1024 * 1024)
  const inner = new Recorder()
  const upgradesAgain = {
    connectionMade(transport: Transport) {
      const tls = { ...server, isServer: true as const }
      loop.startTls(transport, inner, tls).then(
        (upper) => upper.write(sent),
        () => {},
      )
    },
  }
  const options = { host: '127.0.0.1', tls: server }
  const listening = yield* loop.createServer(() => upgradesAgain, options)
  const tls = { ca, servername: 'localhost' }
  const [outer] = yield* loop.createConnection(() => ({}), {
    host: '127.0.0.1',
    port: portOf(listening),
    tls,
  })
  const client = new Recorder()
  const transport = yield* loop.startTls(outer, client, tls)
  yield* client.untilReceived(1)
  listening.close()
  listening.closeClients()
  yield* listening.waitClosed()
  assert.equal(inner.lostWith, null)
  yield* client.untilLost()
  assert.deepEqual(client.received, sent)
  assert.deepEqual(client.phases, ['dataReceived', 'eofReceived', 'connectionLost'])
  assert.equal(transport.isClosing(), true)
})

testOnLoop('what cannot be upgraded is refused', function* () {
  const loop = getRunningLoop()
  const pair = yield* connectPair()
  const { client } = pair
  const { transport } = client
  const code = 'ERR_INVALID_ARG_TYPE'
  assert.throws(() => loop.startTls(null as never, client, { ca, servername: 'x' }), { code })
  assert.throws(() => loop.startTls(transport, null as never, { ca, servername: 'x' }), { code })
  assert.throws(() => loop.startTls(transport, client, null as never), { code })
  assert.throws(() => loop.startTls(transport, client, { isServer: true }), { code })
  assert.throws(() => loop.startTls(transport, client, { ca }), { code, message: /servername/ })
  transport.close()
  const late = loop.startTls(transport, client, { ca, servername: 'localhost' })
  const [outcome] = yield* gather([late], { returnExceptions: true })
  assert.equal(codeOf(outcome), 'ERR_TRANSPORT_CLOSED')
  yield* disconnectPair(pair)
})
