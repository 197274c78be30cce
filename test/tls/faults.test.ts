// Peers that are silent, speak something else, or go away: a clear error in time, at the right object,
// and no descriptor left behind.

import assert from 'node:assert/strict'
import {
  type Coroutine,
  createTask,
  gather,
  getRunningLoop,
  openConnection,
  type StreamHandler,
  type StreamWriter,
  sleep,
  type TlsServerOptions,
  timeout,
} from 'gyre'
import { canCountDescriptors, countSockets } from '../lifetime/descriptors.js'
import { testOnLoop } from '../net/on_loop.js'
import { codeOf } from '../thrown.js'
import { ca } from './certificates.js'
import { connectTo, echo, hangUp, serving } from './serving.js'

const silent: StreamHandler = function* (reader, writer) {
  yield* reader.read()
  writer.close()
}

function* connectError(port: number, tls = {}): Coroutine<string> {
  const connecting = createTask(connectTo(port, tls))
  const [outcome] = yield* gather([connecting], { returnExceptions: true })
  return String(codeOf(outcome))
}

/** The errors that a server says of handshakes, as they come. */
function handshakeErrors(): { tls: Partial<TlsServerOptions>; next(): Coroutine<string> } {
  const codes: string[] = []
  return {
    tls: { onHandshakeError: (error) => codes.push(String(codeOf(error))) },
    *next() {
      while (codes.length === 0) yield* sleep(1)
      return codes.shift()!
    },
  }
}

/** Runs `body`, and waits until there are no more sockets than before. */
function* withoutLeaks(body: () => Coroutine<void>): Coroutine<void> {
  const before = canCountDescriptors ? countSockets() : 0
  yield* body()
  if (!canCountDescriptors) return
  yield* timeout(10_000, function* () {
    while (countSockets() > before) yield* sleep(1)
  })
}

testOnLoop('a client gives a server that never says hello up', function* () {
  yield* withoutLeaks(function* () {
    yield* serving(silent, null, function* (port) {
      const code = yield* connectError(port, { handshakeTimeout: 20 })
      assert.equal(code, 'ERR_TLS_HANDSHAKE_TIMEOUT')
    })
  })
})

testOnLoop('a server gives a client that never says hello up, and serves others', function* () {
  yield* withoutLeaks(function* () {
    const errors = handshakeErrors()
    yield* serving(echo, { ...errors.tls, handshakeTimeout: 20 }, function* (port) {
      const { reader, writer } = yield* openConnection({ host: '127.0.0.1', port })
      assert.equal((yield* reader.read()).length, 0)
      assert.equal(yield* errors.next(), 'ERR_TLS_HANDSHAKE_TIMEOUT')
      writer.close()
    })
  })
})

testOnLoop('a client that gets something else than TLS says so', function* () {
  const http: StreamHandler = function* (reader, writer) {
    yield* reader.read(1)
    writer.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    writer.close()
  }
  yield* withoutLeaks(function* () {
    yield* serving(http, null, function* (port) {
      assert.equal(yield* connectError(port), 'ERR_SSL_WRONG_VERSION_NUMBER')
    })
  })
})

testOnLoop('a server that gets something else than TLS says so, and serves others', function* () {
  yield* withoutLeaks(function* () {
    const errors = handshakeErrors()
    yield* serving(echo, errors.tls, function* (port) {
      const { reader, writer } = yield* openConnection({ host: '127.0.0.1', port })
      writer.write('GET / HTTP/1.1\r\n\r\n')
      yield* gather([reader.read()], { returnExceptions: true })
      assert.equal(yield* errors.next(), 'ERR_SSL_HTTP_REQUEST')
      writer.close()
      const pair = yield* connectTo(port)
      pair.writer.write('served')
      assert.equal((yield* pair.reader.readexactly(6)).toString(), 'served')
      yield* hangUp(pair)
    })
  })
})

for (const [how, act] of [
  ['closes', (handler) => handler.close()],
  ['resets', (handler) => handler.transport.abort()],
] as [string, (writer: Parameters<StreamHandler>[1]) => void][]) {
  testOnLoop(`a server that ${how} in the handshake is an error of the client's`, function* () {
    const rude: StreamHandler = function* (reader, writer) {
      yield* reader.read(1)
      act(writer)
    }
    yield* withoutLeaks(function* () {
      yield* serving(rude, null, function* (port) {
        assert.match(yield* connectError(port), /^(ECONNRESET|EPIPE)$/)
      })
    })
  })
}

testOnLoop('a client that goes away in the handshake is an error of the server’s', function* () {
  yield* withoutLeaks(function* () {
    const errors = handshakeErrors()
    yield* serving(echo, errors.tls, function* (port) {
      for (const leave of ['close', 'abort'] as const) {
        const { writer } = yield* openConnection({ host: '127.0.0.1', port })
        // The beginning of a hello.
        writer.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]))
        yield* sleep(2)
        writer.transport[leave]()
        assert.equal(yield* errors.next(), 'ECONNRESET')
      }
    })
  })
})

testOnLoop('a connection cancelled at any moment of its handshake leaves nothing', function* () {
  // One that is dropped just behind the handshake was served, and breaks while it is.
  const echoWhileItCan: StreamHandler = function* (reader, writer) {
    yield* gather([echo(reader, writer)], { returnExceptions: true })
  }
  yield* withoutLeaks(function* () {
    yield* serving(echoWhileItCan, {}, function* (port) {
      for (let delay = 0; delay < 12; delay += 0.25) {
        const connecting = createTask(connectTo(port))
        yield* sleep(delay)
        if (connecting.cancel()) {
          yield* gather([connecting], { returnExceptions: true })
          assert.equal(connecting.cancelled(), true)
        } else {
          yield* hangUp(connecting.result())
        }
      }
    })
  })
})

testOnLoop('a server that is closed in a handshake leaves nothing', function* () {
  yield* withoutLeaks(function* () {
    const errors = handshakeErrors()
    const cleanUp: StreamWriter[] = []
    yield* serving(echo, errors.tls, function* (port) {
      const { writer } = yield* openConnection({ host: '127.0.0.1', port })
      yield* sleep(2)
      cleanUp.push(writer)
    })
    assert.equal(yield* errors.next(), 'ECONNRESET')
    for (const writer of cleanUp) writer.close()
  })
})

testOnLoop('a peer that never answers the shutdown is dropped when its time is over', function* () {
  const lost = getRunningLoop().createFuture<unknown>()
  const closeAtOnce: StreamHandler = function* (_reader, writer) {
    writer.write(Buffer.alloc(16 * 1024 * 1024))
    writer.close()
    const [outcome] = yield* gather([writer.waitClosed()], { returnExceptions: true })
    lost.setResult(outcome)
  }
  yield* withoutLeaks(function* () {
    yield* serving(closeAtOnce, { shutdownTimeout: 30 }, function* (port) {
      const { reader, writer } = yield* connectTo(port)
      // It reads no more: neither the data nor the close_notify behind it.
      reader.setTransport({ pauseReading() {}, resumeReading() {} })
      writer.transport.pauseReading()
      assert.equal(codeOf(yield* lost), 'ERR_TLS_SHUTDOWN_TIMEOUT')
      writer.transport.abort()
    })
  })
})

testOnLoop('a connection that is reset breaks reading and draining', function* () {
  const stopReading: StreamHandler = function* (reader, writer) {
    yield* reader.read(1)
    const socket = writer.transport.getExtraInfo('tlsSocket')!
    yield* sleep(5)
    socket.destroy()
    writer.transport.abort()
  }
  yield* withoutLeaks(function* () {
    yield* serving(stopReading, {}, function* (port) {
      const { reader, writer } = yield* connectTo(port)
      writer.write(Buffer.alloc(32 * 1024 * 1024))
      const outcomes = yield* gather([reader.read(), writer.drain(), writer.waitClosed()], {
        returnExceptions: true,
      })
      assert.match(outcomes.map(codeOf).join(' '), /ECONNRESET|EPIPE/)
    })
  })
})

testOnLoop('in debug mode handshakes that fail are reported', function* (reports) {
  getRunningLoop().setDebug(true)
  yield* serving(echo, {}, function* (port) {
    const { reader, writer } = yield* openConnection({ host: '127.0.0.1', port })
    writer.write('not TLS at all, whatever it is')
    yield* gather([reader.read()], { returnExceptions: true })
    while (reports.length === 0) yield* sleep(1)
    const [{ message, exception }] = reports.splice(0) as [(typeof reports)[0]]
    assert.equal(message, 'TLS handshake failed')
    assert.match(String(codeOf(exception)), /^ERR_SSL_/)
    writer.close()
  })
})

testOnLoop('a truncated connection ends like any other, as in asyncio and node:tls', function* () {
  const truncating: StreamHandler = function* (_reader, writer) {
    writer.write('cut sho')
    yield* sleep(5)
    // The bytes are with the kernel; no close_notify follows them.
    writer.transport.abort()
  }
  yield* serving(truncating, {}, function* (port) {
    const { reader, writer } = yield* openConnection({ host: 'localhost', port, tls: { ca } })
    assert.equal((yield* reader.read()).toString(), 'cut sho')
    writer.close()
  })
})
