// What a server can be asked for besides a host and a port: a limit of connections, a start that comes
// later, hosts and families, options of the sockets.

import assert from 'node:assert/strict'
import net from 'node:net'
import {
  backendInfo,
  type Coroutine,
  createTask,
  getRunningLoop,
  openConnection,
  type Server,
  type ServerOptions,
  sleep,
  startServer,
  wrap,
} from 'gyre'
import { failure } from './failure.js'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'
import { Recorder } from './recorder.js'
import { until } from './until.js'

const isNative = backendInfo().name === 'native'

function* over(server: Server): Coroutine<void> {
  server.close()
  server.abortClients()
  yield* server.waitClosed()
}

/** A server whose protocols are recorded in the order of their connections. */
function* recording(options: ServerOptions): Coroutine<{ server: Server; served: Recorder[] }> {
  const served: Recorder[] = []
  const factory = () => {
    const recorder = new Recorder()
    served.push(recorder)
    return recorder
  }
  const server = yield* getRunningLoop().createServer(factory, { host: '127.0.0.1', ...options })
  return { server, served }
}

function* connectRecorder(server: Server): Coroutine<Recorder> {
  const { protocol } = yield* getRunningLoop().createConnection(
    () => new Recorder(),
    '127.0.0.1',
    portOf(server),
  )
  return protocol
}

testOnLoop('beyond maxConnections clients wait, and are served in their order', function* () {
  const { server, served } = yield* recording({ maxConnections: 2 })
  const clients: Recorder[] = []
  for (let i = 0; i < 5; i++) {
    clients.push(yield* connectRecorder(server))
    clients[i]!.transport.write(`client ${i}`)
  }
  yield* until(() => served.length === 2)
  yield* sleep(10)
  assert.equal(served.length, 2)
  // What they say while they wait is kept for them.
  for (let done = 0; done < 5; done++) {
    yield* served[done]!.untilReceived(8)
    clients[done]!.transport.close()
    yield* served[done]!.untilLost()
    yield* until(() => served.length === Math.min(5, done + 3))
  }
  assert.deepEqual(
    served.map(({ received }) => received.toString()),
    ['client 0', 'client 1', 'client 2', 'client 3', 'client 4'],
  )
  const late = yield* connectRecorder(server)
  yield* until(() => served.length === 6)
  late.transport.close()
  yield* over(server)
})

testOnLoop('a client that gives up while it waits is served no more than its end', function* () {
  const { server, served } = yield* recording({ maxConnections: 1 })
  const first = yield* connectRecorder(server)
  yield* until(() => served.length === 1)
  const second = yield* connectRecorder(server)
  second.transport.abort()
  yield* second.untilLost()
  first.transport.close()
  // Whether it is seen at all depends on where it waited; if it is, it ends as any other.
  const third = yield* connectRecorder(server)
  third.transport.write('third')
  yield* until(() => served.some(({ received }) => received.toString() === 'third'))
  for (const recorder of served.slice(0, -1)) yield* recorder.untilLost()
  third.transport.close()
  yield* over(server)
})

testOnLoop('closing a server drops those that wait and leaves those that are served', function* () {
  const { server, served } = yield* recording({ maxConnections: 1 })
  const first = yield* connectRecorder(server)
  yield* until(() => served.length === 1)
  const waiting = yield* connectRecorder(server)
  yield* sleep(5)
  server.close()
  yield* waiting.untilLost()
  first.transport.write('still here')
  yield* served[0]!.untilReceived(10)
  first.transport.close()
  yield* server.waitClosed()
  assert.equal(served.length, 1)
})

testOnLoop('with startServing: false clients wait until the server starts', function* () {
  const { server, served } = yield* recording({ startServing: false })
  assert.equal(server.isServing(), false)
  assert.equal(server.sockets.length, 1)
  const client = yield* connectRecorder(server)
  client.transport.write('early')
  yield* sleep(10)
  assert.equal(served.length, 0)
  yield* server.startServing()
  assert.equal(server.isServing(), true)
  yield* until(() => served.length === 1)
  assert.equal(String(yield* served[0]!.untilReceived(5)), 'early')
  // A second time it does nothing.
  yield* server.startServing()
  client.transport.close()
  yield* over(server)
  const error = yield* failure(createTask(server.startServing()))
  assert.equal(error.code, 'ERR_SERVER_CLOSED')
})

testOnLoop('serveForever() starts a server that was not started', function* () {
  const { server, served } = yield* recording({ startServing: false })
  const serving = createTask(server.serveForever())
  const client = yield* connectRecorder(server)
  yield* until(() => served.length === 1)
  assert.equal(server.isServing(), true)
  client.transport.close()
  serving.cancel()
  yield* server.waitClosed()
})

testOnLoop('a server that never started can be closed', function* () {
  const { server } = yield* recording({ startServing: false })
  const waiting = yield* connectRecorder(server)
  yield* sleep(3)
  server.close()
  yield* server.waitClosed()
  yield* waiting.untilLost()
})

testOnLoop('a family leaves out the addresses of the other one', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), { family: 4 })
  assert.deepEqual(
    server.sockets.map(({ host, family }) => [host, family]),
    [['0.0.0.0', 'IPv4']],
  )
  const port = portOf(server)
  const { transport } = yield* loop.createConnection(() => ({}), { port, family: 4 })
  assert.equal(transport.getExtraInfo('peername')?.family, 'IPv4')
  transport.abort()
  for (const options of [
    { host: '127.0.0.1', port, family: 6 as const },
    { host: '::1', port, family: 4 as const },
  ]) {
    const error = yield* failure(loop.createConnection(() => ({}), options))
    assert.deepEqual([error.code, error.syscall], ['ENOTFOUND', 'getaddrinfo'])
    assert.equal((yield* failure(loop.createServer(() => ({}), options))).code, 'ENOTFOUND')
  }
  yield* over(server)
})

testOnLoop('reuseAddress can be switched off, where the backend can', function* () {
  const opening = startServer(function* () {}, { host: '127.0.0.1', reuseAddress: false })
  if (isNative) yield* over(yield* opening)
  else assert.equal((yield* failure(opening)).code, 'ERR_NOT_SUPPORTED')
})

testOnLoop('noDelay and keepAlive are options of servers and of connections', function* () {
  const options = { noDelay: false, keepAlive: true }
  const { server, served } = yield* recording(options)
  const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server), options)
  writer.write('works')
  yield* until(() => served.length === 1)
  yield* served[0]!.untilReceived(5)
  served[0]!.transport.write('too')
  assert.equal(String(yield* reader.readexactly(3)), 'too')
  writer.close()
  yield* over(server)
})

testOnLoop('wrong options are errors at once', function* () {
  const loop = getRunningLoop()
  const bad: [object, string][] = [
    [{ maxConnections: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ maxConnections: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ maxConnections: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ family: 5 }, 'ERR_OUT_OF_RANGE'],
    [{ family: 'IPv4' }, 'ERR_OUT_OF_RANGE'],
    [{ host: ['127.0.0.1', 5] }, 'ERR_INVALID_ARG_TYPE'],
  ]
  for (const [options, code] of bad) {
    assert.throws(() => loop.createServer(() => ({}), options), { code })
  }
  const wrong: [object, string][] = [
    [{ family: 5 }, 'ERR_OUT_OF_RANGE'],
    [{ happyEyeballsDelay: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ happyEyeballsDelay: 'soon' }, 'ERR_INVALID_ARG_TYPE'],
    [{ interleave: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ localPort: 70_000 }, 'ERR_OUT_OF_RANGE'],
  ]
  for (const [options, code] of wrong) {
    assert.throws(() => openConnection({ host: '127.0.0.1', port: 1, ...options }), { code })
    assert.throws(() => openConnection('127.0.0.1', 1, options), { code })
  }
  yield* sleep(0)
})

testOnLoop(
  'a local port that is taken is an error of bind, with the address asked for',
  function* () {
    const server = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
    const port = portOf(server)
    // Taken by a socket that listens; connected ones may share their port.
    const options = { host: '127.0.0.1', port, localAddress: '127.0.0.1', localPort: port }
    const error = yield* failure(openConnection(options))
    const { code, syscall, message } = error
    assert.deepEqual({ code, syscall }, { code: 'EADDRINUSE', syscall: 'bind' })
    assert.equal(message, `bind EADDRINUSE 127.0.0.1:${port}`)
    yield* over(server)
  },
)

testOnLoop('a local address that is not ours is an error of bind', function* () {
  const options = { host: '127.0.0.1', port: 9, localAddress: '192.0.2.1' }
  const error = yield* failure(openConnection(options))
  assert.deepEqual([error.code, error.syscall], ['EADDRNOTAVAIL', 'bind'])
})

testOnLoop('a local address of another family is an error that says so', function* () {
  const options = { host: '127.0.0.1', port: 9, localAddress: '::1' }
  const error = yield* failure(openConnection(options))
  assert.equal(error.code, 'ERR_NO_LOCAL_ADDRESS')
})

testOnLoop('a local port alone can be chosen', function* () {
  const { server, served } = yield* recording({})
  const free = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
  const localPort = portOf(free)
  yield* over(free)
  const { writer } = yield* openConnection({ host: '127.0.0.1', port: portOf(server), localPort })
  yield* until(() => served.length === 1)
  assert.equal(served[0]!.transport.getExtraInfo('peername')?.port, localPort)
  writer.close()
  yield* over(server)
})

testOnLoop(
  'the names of both ends are known when the connection is lost, unasked before',
  function* () {
    const { server, served } = yield* recording({})
    const client = yield* connectRecorder(server)
    yield* until(() => served.length === 1)
    client.transport.abort()
    yield* client.untilLost()
    yield* served[0]!.untilLost()
    const ends = [client.transport, served[0]!.transport]
    const [ours, theirs] = ends.map((end) => ({
      own: end.getExtraInfo('sockname')?.port,
      peer: end.getExtraInfo('peername')?.port,
    }))
    assert.equal(ours!.peer, portOf(server))
    assert.ok(ours!.own !== undefined && ours!.own > 0)
    assert.deepEqual([theirs!.own, theirs!.peer], [ours!.peer, ours!.own])
    yield* over(server)
  },
)

testOnLoop('a client that was reset before it was accepted has a name all the same', function* () {
  const { server, served } = yield* recording({ startServing: false })
  const socket = net.connect(portOf(server), '127.0.0.1')
  yield* wrap(new Promise((resolve) => socket.on('connect', resolve)))
  const { localPort } = socket
  socket.resetAndDestroy()
  yield* sleep(5)
  yield* server.startServing()
  yield* until(() => served.length === 1)
  yield* served[0]!.untilLost()
  const name = served[0]!.transport.getExtraInfo('peername')
  // The fallback asks Node, which can ask the system only while the connection stands.
  if (isNative) assert.equal(name?.port, localPort)
  else assert.ok(name === null || name.port === localPort)
  yield* over(server)
})

testOnLoop(
  'a protocol may pause reading in connectionMade, and change in mid-stream',
  function* () {
    const loop = getRunningLoop()
    const second = new Recorder()
    const first = new Recorder({
      connectionMade: (transport) => transport.pauseReading(),
      dataReceived: () => {
        first.transport.pauseReading()
        first.transport.setProtocol(second)
      },
    })
    const server = yield* loop.createServer(() => first, '127.0.0.1', 0)
    const client = yield* connectRecorder(server)
    client.transport.write('hello')
    yield* sleep(10)
    assert.equal(first.received.length, 0)
    first.transport.resumeReading()
    yield* first.untilReceived(5)
    client.transport.write(Buffer.alloc(300_000, 'x'))
    client.transport.writeEof()
    yield* sleep(10)
    assert.equal(second.received.length, 0)
    first.transport.resumeReading()
    yield* second.untilReceived(300_000)
    yield* second.untilLost()
    assert.equal(first.received.toString(), 'hello')
    assert.equal(first.isLost, false)
    client.transport.close()
    yield* over(server)
  },
)
