// Server: what it listens on, what it can fail with, and how it and its connections end.

import assert from 'node:assert/strict'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import {
  backendInfo,
  type Coroutine,
  createTask,
  type Future,
  gather,
  getRunningLoop,
  type Server,
  sleep,
  startServer,
} from 'gyre'
import { knowsReusePort } from '#gyre/backend/reuse_port'
import { testOnLoop } from './on_loop.js'
import { portOf, withPair } from './pair.js'
import { Recorder } from './recorder.js'

const isNative = backendInfo().name === 'native'
const hasIpv6 = yieldsIpv6()

/** Whether the local host has an IPv6 address. */
function yieldsIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === '::1'),
  )
}

function* failure(future: Future<unknown>): Coroutine<NodeJS.ErrnoException> {
  const [outcome] = yield* gather([future], { returnExceptions: true })
  assert.ok(outcome instanceof Error, `it gave ${outcome}`)
  return outcome
}

function* over(server: Server): Coroutine<void> {
  server.close()
  server.abortClients()
  yield* server.waitClosed()
}

testOnLoop('port 0 lets the system choose, and sockets tells the choice', function* () {
  const server = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
  assert.equal(server.sockets.length, 1)
  const [socket] = server.sockets
  assert.ok(socket !== undefined && socket.port > 0)
  const { port } = socket
  assert.deepEqual([socket.host, socket.family], ['127.0.0.1', 'IPv4'])
  assert.deepEqual(socket.address(), { address: '127.0.0.1', family: 'IPv4', port })
  assert.deepEqual([...socket.getsockname()], ['127.0.0.1', port])
  assert.equal(server.isServing(), true)
  assert.equal(server.getLoop(), getRunningLoop())
  yield* over(server)
  assert.deepEqual(server.sockets, [])
  assert.equal(server.isServing(), false)
})

testOnLoop('without a host every interface is listened on', function* () {
  const loop = getRunningLoop()
  for (const options of [{}, { host: '' }, { port: 0 }]) {
    const server = yield* loop.createServer(() => ({}), options)
    const hosts = hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']
    for (const host of hosts) {
      const { transport } = yield* loop.createConnection(() => ({}), host, portOf(server))
      transport.abort()
    }
    yield* over(server)
  }
})

testOnLoop(
  'several hosts are listened on, each address once, and each at a port of its own',
  function* () {
    const loop = getRunningLoop()
    const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.1']
    const server = yield* loop.createServer(() => ({}), hosts, 0)
    assert.deepEqual(
      server.sockets.map(({ host }) => host),
      ['127.0.0.1', '127.0.0.2'],
    )
    for (const { host, port } of server.sockets) {
      const { transport } = yield* loop.createConnection(() => ({}), host, port)
      assert.equal(transport.getExtraInfo('peername')?.address, host)
      transport.abort()
    }
    yield* over(server)
  },
)

testOnLoop('an IPv6 address is listened on where there is one', function* () {
  if (!hasIpv6) return
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '::1', 0)
  assert.equal(server.sockets[0]?.family, 'IPv6')
  const { transport } = yield* loop.createConnection(() => ({}), '::1', portOf(server))
  assert.equal(transport.getExtraInfo('peername')?.family, 'IPv6')
  transport.abort()
  yield* over(server)
})

testOnLoop('a port that is taken is an error with the fields of Node', function* () {
  const loop = getRunningLoop()
  const first = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const port = portOf(first)
  const error = yield* failure(loop.createServer(() => ({}), '127.0.0.1', port))
  assert.equal(error.code, 'EADDRINUSE')
  assert.equal(error.syscall, 'listen')
  assert.match(error.message, /^listen EADDRINUSE/)
  const { address, port: errorPort } = error as unknown as { address: string; port: number }
  assert.deepEqual([address, errorPort], ['127.0.0.1', port])
  // Whoever had the port goes on.
  const { transport } = yield* loop.createConnection(() => ({}), '127.0.0.1', port)
  transport.abort()
  yield* over(first)
})

testOnLoop('the port of a closed server is free at once', function* () {
  const loop = getRunningLoop()
  const first = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const port = portOf(first)
  first.close()
  const second = yield* loop.createServer(() => ({}), '127.0.0.1', port)
  yield* over(second)
})

testOnLoop('an address that is not ours is an error', function* () {
  const error = yield* failure(getRunningLoop().createServer(() => ({}), '192.0.2.1', 0))
  assert.equal(error.code, 'EADDRNOTAVAIL')
  assert.equal(error.syscall, 'listen')
})

testOnLoop('an unknown host is an error', function* () {
  const error = yield* failure(getRunningLoop().createServer(() => ({}), 'no-such-host.invalid', 0))
  assert.match(String(error.code), /^(ENOTFOUND|EAI_AGAIN)$/)
})

testOnLoop('bad arguments are errors at once', function* () {
  const loop = getRunningLoop()
  const factory = () => ({})
  const bad: [object, string][] = [
    [{ port: 65536 }, 'RangeError'],
    [{ port: -1 }, 'RangeError'],
    [{ port: '80' }, 'TypeError'],
    [{ host: 5 }, 'TypeError'],
    [{ backlog: 0 }, 'RangeError'],
    [{ backlog: 'many' }, 'TypeError'],
  ]
  for (const [options, name] of bad) {
    assert.throws(() => loop.createServer(factory, options), { name })
    assert.throws(() => startServer(function* () {}, options), { name })
  }
  assert.throws(() => loop.createServer(5 as never), { name: 'TypeError' })
  assert.throws(() => loop.createServer(factory, 5 as never), { name: 'TypeError' })
  assert.throws(() => startServer(5 as never), { name: 'TypeError' })
  assert.throws(() => startServer(function* () {}, { limit: -1 }), { name: 'RangeError' })
})

testOnLoop('several sockets share a port with reusePort, where the backend can', function* () {
  const loop = getRunningLoop()
  const opening = loop.createServer(() => ({}), { host: '127.0.0.1', reusePort: true })
  if (!isNative && !knowsReusePort()) {
    assert.equal((yield* failure(opening)).code, 'ERR_NOT_SUPPORTED')
    return
  }
  const first = yield* opening
  const port = portOf(first)
  const second = yield* loop.createServer(() => ({}), { host: '127.0.0.1', port, reusePort: true })
  assert.equal(portOf(second), port)
  yield* over(first)
  yield* over(second)
})

testOnLoop('close() stops accepting and leaves the clients alone', function* () {
  yield* withPair(function* ({ server, client, accepted }) {
    const port = portOf(server)
    server.close()
    server.close()
    const loop = getRunningLoop()
    yield* sleep(1)
    const error = yield* failure(loop.createConnection(() => ({}), '127.0.0.1', port))
    assert.equal(error.code, 'ECONNREFUSED')
    client.transport.write('still there?')
    assert.equal((yield* accepted.untilReceived(12)).toString(), 'still there?')
  })
})

testOnLoop('closeClients() sends what waits, then closes every connection', function* () {
  yield* withPair(function* ({ server, client, accepted }) {
    client.transport.pauseReading()
    accepted.transport.write(Buffer.alloc(16 * 1024 * 1024))
    server.closeClients()
    assert.equal(accepted.transport.isClosing(), true)
    client.transport.resumeReading()
    yield* client.until(() => client.count('eofReceived') === 1)
    assert.equal(client.received.length, 16 * 1024 * 1024)
    assert.equal(yield* accepted.untilLost(), null)
    assert.equal(server.isServing(), true)
  })
})

testOnLoop('abortClients() drops what waits and every connection', function* () {
  yield* withPair(function* ({ server, client, accepted }) {
    client.transport.pauseReading()
    accepted.transport.write(Buffer.alloc(16 * 1024 * 1024))
    server.abortClients()
    assert.equal(yield* accepted.untilLost(), null)
    client.transport.resumeReading()
    yield* client.untilLost()
    assert.ok(client.received.length < 16 * 1024 * 1024)
    assert.equal(server.isServing(), true)
  })
})

testOnLoop('waitClosed() waits for close() and for the last client', function* () {
  yield* withPair(function* ({ server, client, accepted }) {
    const waiting = createTask(server.waitClosed())
    yield* sleep(1)
    assert.equal(waiting.done(), false)
    server.close()
    yield* sleep(1)
    assert.equal(waiting.done(), false)
    client.transport.close()
    yield* waiting
    assert.equal(accepted.isLost, true)
    yield* server.waitClosed()
  })
})

testOnLoop('serveForever() serves until it is cancelled, then closes', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const serving = createTask(server.serveForever())
  yield* sleep(1)
  const [second] = yield* gather([server.serveForever()], { returnExceptions: true })
  assert.equal((second as NodeJS.ErrnoException).code, 'ERR_SERVING')
  const { transport } = yield* loop.createConnection(() => ({}), '127.0.0.1', portOf(server))
  transport.abort()
  serving.cancel('enough')
  yield* gather([serving], { returnExceptions: true })
  assert.equal(serving.cancelled(), true)
  assert.equal(server.isServing(), false)
  const [late] = yield* gather([server.serveForever()], { returnExceptions: true })
  assert.equal((late as NodeJS.ErrnoException).code, 'ERR_SERVER_CLOSED')
})

testOnLoop('close() ends serveForever() with a cancellation', function* () {
  const server = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
  const serving = createTask(server.serveForever())
  yield* sleep(1)
  server.close()
  yield* gather([serving], { returnExceptions: true })
  assert.equal(serving.cancelled(), true)
})

testOnLoop('disposing of a server closes it and waits for its clients', function* () {
  const loop = getRunningLoop()
  const accepted = new Recorder()
  const server = yield* loop.createServer(() => accepted, '127.0.0.1', 0)
  const client = new Recorder()
  yield* loop.createConnection(() => client, '127.0.0.1', portOf(server))
  yield* accepted.until(() => accepted.calls.length > 0)
  const disposing = createTask(() => server[Symbol.asyncDispose]())
  yield* sleep(1)
  assert.deepEqual([server.isServing(), disposing.done()], [false, false])
  client.transport.close()
  yield* disposing
  assert.equal(accepted.isLost, true)
})

testOnLoop(
  'a factory that throws costs its connection alone, and is reported',
  function* (reports) {
    const loop = getRunningLoop()
    const broken = new Error('broken factory')
    let made = 0
    const factory = () => {
      if (++made === 1) throw broken
      if (made === 2) return undefined as never
      return new Recorder()
    }
    const server = yield* loop.createServer(factory, '127.0.0.1', 0)
    for (let i = 0; i < 2; i++) {
      const client = new Recorder()
      yield* loop.createConnection(() => client, '127.0.0.1', portOf(server))
      yield* client.untilLost()
    }
    const [first, second] = reports.splice(0)
    assert.equal(first?.exception, broken)
    assert.match(first.message, /protocol factory/)
    assert.equal((second!.exception as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_TYPE')
    const third = new Recorder()
    yield* loop.createConnection(() => third, '127.0.0.1', portOf(server))
    third.transport.close()
    yield* over(server)
  },
)

testOnLoop('a connection that comes and goes before its turn is told as any other', function* () {
  const loop = getRunningLoop()
  const accepted = new Recorder()
  const server = yield* loop.createServer(() => accepted, '127.0.0.1', 0)
  const socket = net.connect(portOf(server), '127.0.0.1', () => socket.end('quick'))
  socket.on('error', () => {})
  yield* accepted.untilLost()
  assert.deepEqual(accepted.phases, [
    'connectionMade',
    'dataReceived',
    'eofReceived',
    'connectionLost',
  ])
  socket.destroy()
  yield* over(server)
})

testOnLoop(
  'a server that is closed while clients are coming drops those it did not take',
  function* () {
    const loop = getRunningLoop()
    const server = yield* loop.createServer(() => new Recorder(), '127.0.0.1', 0)
    const sockets = Array.from({ length: 20 }, () => net.connect(portOf(server), '127.0.0.1'))
    let ended = 0
    for (const socket of sockets) {
      socket
        .on('error', () => {})
        .on('close', () => {
          ended++
        })
      socket.resume()
    }
    yield* sleep(0)
    server.close()
    server.abortClients()
    while (ended < sockets.length) {
      server.abortClients()
      yield* sleep(1)
    }
    yield* server.waitClosed()
  },
)
