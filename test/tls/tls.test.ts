// TLS connections by streams: what goes through, what both ends know of each other, and how they end.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import {
  type Coroutine,
  createTask,
  gather,
  getRunningLoop,
  openConnection,
  type StreamHandler,
  type StreamWriter,
  sleep,
  startServer,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { portOf } from '../net/pair.js'
import { Recorder } from '../net/recorder.js'
import { codeOf } from '../thrown.js'
import { ca, client, other, server } from './certificates.js'
import { connectTo, echo, hangUp, serving } from './serving.js'

const MIB = 1024 * 1024

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

/** What a server sees of a client whose options are given. */
function* seenByServer<T>(
  look: (writer: StreamWriter) => T,
  tls: Parameters<typeof serving>[1],
  clientTls: Parameters<typeof connectTo>[1] = {},
): Coroutine<T> {
  const seen = getRunningLoop().createFuture<T>()
  const handler: StreamHandler = function* (_reader, writer) {
    seen.setResult(look(writer))
    writer.close()
  }
  yield* serving(handler, tls, function* (port) {
    const pair = yield* connectTo(port, clientTls)
    yield* pair.reader.read()
    yield* hangUp(pair)
  })
  return yield* seen
}

testOnLoop('what is written on one end arrives at the other, whatever its size', function* () {
  yield* serving(echo, {}, function* (port) {
    const pair = yield* connectTo(port)
    const { reader, writer } = pair
    for (const size of [0, 1, 16 * 1024, 16 * 1024 + 1, 100_000, 3 * MIB]) {
      const sent = randomBytes(size)
      writer.write(sent)
      const received = yield* reader.readexactly(size)
      assert.equal(sha256(received), sha256(sent), `${size} bytes`)
    }
    yield* hangUp(pair)
  })
})

testOnLoop('a reader keeps what TLS brings where it is, and copies what is short', function* () {
  yield* serving(echo, {}, function* (port) {
    const pair = yield* connectTo(port)
    const { reader, writer } = pair
    const brought: Buffer[] = []
    writer.getExtraInfo('tlsSocket')!.on('data', (data: Buffer) => brought.push(data))
    // Each is a record of TLS, which comes whole.
    for (const size of [8 * 1024, 100]) {
      const sent = randomBytes(size)
      writer.write(sent)
      const received = yield* reader.read(size)
      assert.ok(received.equals(sent))
      const [chunk] = brought.splice(0) as [Buffer]
      assert.equal(chunk.buffer.byteLength, size)
      assert.equal(received.buffer === chunk.buffer, size > 1024, `${size} bytes`)
    }
    yield* hangUp(pair)
  })
})

testOnLoop('a writer that drains is held up by a peer that does not read', function* () {
  let written = 0
  const pour: StreamHandler = function* (_reader, writer) {
    for (let left = 64; left > 0; left--) {
      writer.write(Buffer.alloc(MIB, left))
      written += MIB
      yield* writer.drain()
    }
    writer.close()
  }
  yield* serving(pour, {}, function* (port) {
    const pair = yield* connectTo(port)
    yield* pair.reader.readexactly(1)
    let before = -1
    while (before !== written) {
      before = written
      for (let i = 0; i < 20; i++) yield* sleep(2)
    }
    assert.ok(written < 64 * MIB, `${written} bytes were written to nobody`)
    const rest = yield* pair.reader.read()
    assert.equal(rest.length, 64 * MIB - 1)
    yield* hangUp(pair)
  })
})

testOnLoop('close() sends what waits, and the peer sees the end behind it', function* () {
  const big = randomBytes(8 * MIB)
  const sendAndClose: StreamHandler = function* (_reader, writer) {
    writer.write(big)
    writer.close()
    yield* writer.waitClosed()
  }
  yield* serving(sendAndClose, {}, function* (port) {
    const pair = yield* connectTo(port)
    const received = yield* pair.reader.read()
    assert.equal(sha256(received), sha256(big))
    assert.equal(pair.reader.atEof(), true)
    yield* hangUp(pair)
  })
})

testOnLoop('abort() drops the connection at once, and the peer sees its end', function* () {
  const ended = getRunningLoop().createFuture<unknown>()
  // The system resets a connection that is dropped before the server's session tickets arrived; as
  // for asyncio, that may be what the peer sees.
  const count: StreamHandler = function* (reader, writer) {
    const [outcome] = yield* gather([reader.read()], { returnExceptions: true })
    ended.setResult(outcome instanceof Error ? codeOf(outcome) : outcome?.length)
    writer.close()
  }
  yield* serving(count, {}, function* (port) {
    const { writer } = yield* connectTo(port)
    writer.transport.abort()
    yield* writer.waitClosed()
    assert.match(String(yield* ended), /^(0|ECONNRESET)$/)
  })
})

testOnLoop('the end of the peer closes the connection, as there is no half-closing', function* () {
  const closeAtOnce: StreamHandler = function* (_reader, writer) {
    writer.close()
  }
  yield* serving(closeAtOnce, {}, function* (port) {
    const { reader, writer } = yield* connectTo(port)
    assert.equal(writer.canWriteEof(), false)
    assert.throws(() => writer.writeEof(), { code: 'ERR_NOT_SUPPORTED' })
    assert.equal((yield* reader.read()).length, 0)
    yield* writer.waitClosed()
    assert.equal(writer.isClosing(), true)
  })
})

testOnLoop('both ends know cipher, version, name and each other', function* () {
  yield* serving(echo, {}, function* (port) {
    const pair = yield* openConnection({ host: 'localhost', port, tls: { ca } })
    const { writer } = pair
    assert.equal(writer.getExtraInfo('tlsVersion'), 'TLSv1.3')
    assert.equal(writer.getExtraInfo('peercert')?.subject.CN, 'localhost')
    assert.match(writer.getExtraInfo('cipher')?.name ?? '', /^TLS_/)
    assert.equal(writer.getExtraInfo('peername')?.port, port)
    assert.equal(writer.getExtraInfo('tlsSocket')?.authorized, true)
    assert.equal(writer.getExtraInfo('colour', 'none'), 'none')
    yield* hangUp(pair)
  })
  const name = yield* seenByServer(
    (writer) => writer.getExtraInfo('servername'),
    {},
    {
      servername: 'localhost',
    },
  )
  assert.equal(name, 'localhost')
  const none = yield* seenByServer((writer) => writer.getExtraInfo('servername'), {})
  assert.equal(none, null)
})

testOnLoop('a connection without TLS knows nothing of it', function* () {
  yield* serving(echo, null, function* (port) {
    const pair = yield* openConnection({ host: '127.0.0.1', port })
    for (const name of ['tlsSocket', 'cipher', 'peercert', 'alpnProtocol'] as const) {
      assert.equal(pair.writer.getExtraInfo(name), undefined)
    }
    yield* hangUp(pair)
  })
})

testOnLoop('both ends agree on a protocol by ALPN', function* () {
  const agreed = yield* seenByServer(
    (writer) => writer.getExtraInfo('alpnProtocol'),
    { ALPNProtocols: ['h2', 'http/1.1'] },
    { ALPNProtocols: ['spdy/1', 'http/1.1'] },
  )
  assert.equal(agreed, 'http/1.1')
  assert.equal(yield* seenByServer((writer) => writer.getExtraInfo('alpnProtocol'), {}), null)
})

testOnLoop('a server chooses its certificate by the name that is asked for', function* () {
  const asked: string[] = []
  const SNICallback = (
    name: string,
    done: (error: Error | null, context?: ReturnType<typeof createSecureContext>) => void,
  ) => {
    asked.push(name)
    done(null, createSecureContext(name === 'other.example' ? other : server))
  }
  yield* serving(echo, { SNICallback }, function* (port) {
    for (const servername of ['other.example', 'localhost']) {
      const pair = yield* connectTo(port, { servername })
      assert.equal(pair.writer.getExtraInfo('peercert')?.subject.CN, servername)
      yield* hangUp(pair)
    }
  })
  assert.deepEqual(asked, ['other.example', 'localhost'])
})

testOnLoop('a server sees the certificate of a client that it asked for one', function* () {
  const subject = yield* seenByServer(
    (writer) => writer.getExtraInfo('peercert')?.subject.CN,
    { requestCert: true, ca },
    client,
  )
  assert.equal(subject, 'a client')
})

testOnLoop(
  'protocols are told as they are without TLS, and the server knows its end',
  function* () {
    const loop = getRunningLoop()
    const accepted = new Recorder()
    const listening = yield* loop.createServer(() => accepted, {
      host: '127.0.0.1',
      tls: server,
    })
    const { transport, protocol } = yield* loop.createConnection(() => new Recorder(), {
      host: 'localhost',
      port: portOf(listening),
      tls: { ca },
    })
    assert.deepEqual(protocol.calls, ['connectionMade'])
    assert.equal(protocol.transport, transport)
    transport.write('hello')
    yield* accepted.untilReceived(5)
    protocol.inside(() => transport.pauseReading())
    assert.equal(transport.isReading(), false)
    accepted.transport.write('wait')
    for (let i = 0; i < 10; i++) yield* sleep(1)
    assert.equal(protocol.count('dataReceived'), 0)
    protocol.inside(() => transport.resumeReading())
    assert.equal((yield* protocol.untilReceived(4)).toString(), 'wait')
    protocol.inside(() => transport.close())
    assert.equal(yield* protocol.untilLost(), null)
    assert.equal(yield* accepted.untilLost(), null)
    assert.deepEqual(accepted.phases, [
      'connectionMade',
      'dataReceived',
      'eofReceived',
      'connectionLost',
    ])
    assert.deepEqual([...protocol.nested, ...accepted.nested], [])
    listening.close()
    yield* listening.waitClosed()
  },
)

testOnLoop('sendfile goes through TLS, by copying', function* () {
  const path = join(mkdtempSync(join(tmpdir(), 'gyre-tls-')), 'file')
  const content = randomBytes(2 * MIB)
  writeFileSync(path, content)
  const send: StreamHandler = function* (_reader, writer) {
    const sent = yield* getRunningLoop().sendfile(writer.transport, path, 1)
    assert.equal(sent, content.length - 1)
    writer.close()
  }
  try {
    yield* serving(send, {}, function* (port) {
      const pair = yield* connectTo(port)
      assert.equal(sha256(yield* pair.reader.read()), sha256(content.subarray(1)))
      yield* hangUp(pair)
    })
  } finally {
    rmSync(dirname(path), { recursive: true })
  }
})

testOnLoop(
  'closeClients() sends what waits and says goodbye; abortClients() does not',
  function* () {
    const big = randomBytes(4 * MIB)
    const writers: StreamWriter[] = []
    const keep: StreamHandler = function* (_reader, writer) {
      writers.push(writer)
      writer.write(big)
    }
    const listening = yield* startServer(keep, { host: '127.0.0.1', tls: server })
    const first = yield* connectTo(portOf(listening))
    yield* first.reader.readexactly(1)
    listening.closeClients()
    assert.equal((yield* first.reader.read()).length, big.length - 1)
    const second = yield* connectTo(portOf(listening))
    yield* second.reader.readexactly(1)
    listening.close()
    listening.abortClients()
    yield* listening.waitClosed()
    yield* gather([...writers, first.writer].map((writer) => writer.waitClosed()))
    second.writer.close()
    yield* gather([createTask(second.writer.waitClosed())], { returnExceptions: true })
  },
)
