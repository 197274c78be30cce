// createConnection: what it is given, what it can fail with, and that cancelling it leaves no socket.

import assert from 'node:assert/strict'
import net from 'node:net'
import test from 'node:test'
import {
  type Connection,
  type ConnectionOptions,
  type Coroutine,
  createTask,
  type Future,
  gather,
  getRunningLoop,
  openConnection,
  type Protocol,
  run,
  StreamReader,
  type StreamPair as Streams,
  sleep,
  timeout,
  wrap,
} from 'gyre'
import { canCountDescriptors, countSockets } from '../lifetime/descriptors.js'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'
import { Recorder } from './recorder.js'

/** A port on which nobody listens: one that was in use just now. */
function* freePort(): Coroutine<number> {
  const server = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
  const port = portOf(server)
  server.close()
  yield* server.waitClosed()
  yield* sleep(1)
  return port
}

function* failure(future: Future<unknown>): Coroutine<NodeJS.ErrnoException> {
  const [outcome] = yield* gather([future], { returnExceptions: true })
  assert.ok(outcome instanceof Error, `it gave ${outcome}`)
  return outcome
}

testOnLoop('a refused connection is an error with the fields of Node', function* () {
  const port = yield* freePort()
  const error = yield* failure(openConnection('127.0.0.1', port))
  const { code, errno, syscall, message } = error
  const { address, port: errorPort } = error as unknown as { address: string; port: number }
  assert.deepEqual(
    { code, syscall, address, port: errorPort },
    { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port },
  )
  assert.equal(message, `connect ECONNREFUSED 127.0.0.1:${port}`)
  assert.ok(typeof errno === 'number' && errno < 0)
})

testOnLoop('a refused connection never makes a protocol', function* () {
  const port = yield* freePort()
  const factory = () => assert.fail('there is nothing to make it for')
  const loop = getRunningLoop()
  const error = yield* failure(loop.createConnection(factory, '127.0.0.1', port))
  assert.equal(error.code, 'ECONNREFUSED')
})

testOnLoop('an unknown host is an error with the fields of Node', function* () {
  const error = yield* failure(openConnection('no-such-host.invalid', 80))
  // Without a network the resolver says to try again.
  assert.match(String(error.code), /^(ENOTFOUND|EAI_AGAIN)$/)
  assert.equal(error.syscall, 'getaddrinfo')
})

testOnLoop('a host name stands for its addresses, tried in turn', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const { transport } = yield* loop.createConnection(() => ({}), 'localhost', portOf(server))
  assert.equal(transport.getExtraInfo('peername')?.address, '127.0.0.1')
  transport.abort()
  server.close()
  yield* server.waitClosed()
})

testOnLoop('without a host it is the local one that is connected to', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), 'localhost', 0)
  const { transport } = yield* loop.createConnection(() => ({}), { port: portOf(server) })
  transport.abort()
  server.close()
  yield* server.waitClosed()
})

testOnLoop('a local address and port can be chosen', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const localPort = yield* freePort()
  const options = { host: '127.0.0.1', port: portOf(server), localAddress: '127.0.0.1', localPort }
  const { transport } = yield* loop.createConnection(() => ({}), options)
  assert.deepEqual([...transport.getExtraInfo('sockname')!], ['127.0.0.1', localPort])
  transport.abort()
  server.close()
  yield* server.waitClosed()
})

testOnLoop('a local address that is not ours is an error', function* () {
  const options = { host: '127.0.0.1', port: 9, localAddress: '192.0.2.1' }
  const error = yield* failure(openConnection(options))
  assert.match(String(error.code), /^(EADDRNOTAVAIL|EINVAL)$/)
})

const badArguments: [string, ConnectionOptions | string, number | undefined, RegExp][] = [
  ['a port above 65535', { host: '127.0.0.1', port: 65536 }, undefined, /^RangeError.*"port"/],
  ['a negative port', '127.0.0.1', -1, /^RangeError.*"port"/],
  ['a fraction of a port', '127.0.0.1', 80.5, /^RangeError.*"port"/],
  ['a port that is NaN', '127.0.0.1', Number.NaN, /^RangeError.*"port"/],
  ['a port that is a string', '127.0.0.1', '80' as unknown as number, /^TypeError.*"port"/],
  ['no port', '127.0.0.1', undefined, /^TypeError.*"port"/],
  ['a host that is a number', { host: 5, port: 1 } as never, undefined, /^TypeError.*"host"/],
  [
    'a local address that is a number',
    { host: '127.0.0.1', port: 1, localAddress: 5 } as never,
    undefined,
    /^TypeError.*"options.localAddress"/,
  ],
  [
    'a local port below 0',
    { host: '127.0.0.1', port: 1, localPort: -1 },
    undefined,
    /^RangeError.*"options.localPort"/,
  ],
  ['nothing at all', undefined as never, undefined, /^TypeError.*"options"/],
  ['null', null as never, undefined, /^TypeError.*"options"/],
]

for (const [what, where, port, message] of badArguments) {
  testOnLoop(`connecting to ${what} is an error at once`, function* () {
    const codes = /^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/
    const isRight = (error: NodeJS.ErrnoException) => {
      assert.match(String(error), message)
      assert.match(String(error.code), codes)
      return true
    }
    const loop = getRunningLoop()
    assert.throws(() => openConnection(where as string, port as number), isRight)
    assert.throws(() => loop.createConnection(() => ({}), where as string, port as number), isRight)
  })
}

testOnLoop('a factory that is no function is an error at once', function* () {
  const loop = getRunningLoop()
  const factory = {} as unknown as () => Recorder
  assert.throws(() => loop.createConnection(factory, '127.0.0.1', 1), { name: 'TypeError' })
})

testOnLoop('a factory that throws, or makes nothing, loses the connection', function* () {
  const loop = getRunningLoop()
  const accepted = new Recorder()
  const server = yield* loop.createServer(() => accepted, '127.0.0.1', 0)
  const broken = new Error('broken factory')
  const throwing = () => {
    throw broken
  }
  assert.equal(yield* failure(loop.createConnection(throwing, '127.0.0.1', portOf(server))), broken)
  yield* accepted.untilLost()
  const nothing = (() => undefined) as unknown as () => Recorder
  const error = yield* failure(loop.createConnection(nothing, '127.0.0.1', portOf(server)))
  assert.equal(error.code, 'ERR_INVALID_ARG_TYPE')
  server.close()
  yield* server.waitClosed()
})

test('outside of a running loop a closed loop refuses to connect', async () => {
  const loop = await run(async () => getRunningLoop())
  assert.throws(() => loop.createConnection(() => ({}), '127.0.0.1', 1), {
    name: 'EventLoopClosedError',
    code: 'ERR_EVENT_LOOP_CLOSED',
  })
  assert.throws(() => loop.createServer(() => ({}), '127.0.0.1', 0), {
    code: 'ERR_EVENT_LOOP_CLOSED',
  })
})

// --- Cancellation -------------------------------------------------------------------------------

const counting = { skip: !canCountDescriptors }

/** Cancels connections after more and more turns, so that every moment of theirs is met. */
function* cancelAtEveryTurn(
  connect: (port: number) => Future<unknown>,
  close: (connected: unknown) => void,
): Coroutine<void> {
  const server = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
  let finished = 0
  for (let turns = 0; finished < 20; turns += 1 + (turns >> 4)) {
    const connecting = connect(portOf(server))
    for (let turn = 0; turn < turns; turn++) yield* sleep(0)
    const isCancelled = connecting.cancel()
    const [outcome] = yield* gather([connecting], { returnExceptions: true })
    if (isCancelled) assert.equal(connecting.cancelled(), true)
    else {
      finished++
      close(outcome)
    }
  }
  yield* settle(server)
}

test('a stream whose opening is cancelled at any turn leaves no socket', counting, async () => {
  const before = countSockets()
  await run(function* () {
    yield* cancelAtEveryTurn(
      (port) => openConnection('127.0.0.1', port),
      (connected) => (connected as Streams).writer.close(),
    )
    // Those that were cancelled are closed at once, not only with their loop.
    assert.equal(yield* wrap(settledSockets(before)), before)
  })
})

test(
  'a stream that is cancelled just as it has connected leaves no socket',
  counting,
  async ({ mock }) => {
    const before = countSockets()
    await run(function* () {
      const loop = getRunningLoop()
      const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
      for (let turns = 1; turns < 6; turns++) {
        // The reader is given its transport when the connection is made. Cancelling in that very step
        // would not do: a task that ends in the step in which it is cancelled is cancelled (asyncio).
        const cancelAfter = (left: number): void => {
          if (left === 0) connecting.cancel()
          else loop.callSoon(cancelAfter, left - 1)
        }
        const hooked = mock.method(StreamReader.prototype, 'setTransport', () => cancelAfter(turns))
        const connecting = openConnection('127.0.0.1', portOf(server))
        const [outcome] = yield* gather([connecting], { returnExceptions: true })
        hooked.mock.restore()
        if (!connecting.cancelled()) (outcome as Streams).writer.close()
      }
      yield* settle(server)
      assert.equal(yield* wrap(settledSockets(before)), before)
    })
  },
)

test('a connection whose making is cancelled at any turn leaves no socket', counting, async () => {
  const before = countSockets()
  await run(function* () {
    const loop = getRunningLoop()
    yield* cancelAtEveryTurn(
      (port) => loop.createConnection(() => ({}), '127.0.0.1', port),
      (connected) => (connected as Connection<Protocol>).transport.close(),
    )
    assert.equal(yield* wrap(settledSockets(before)), before)
  })
})

test(
  'a connection that nobody answers can be cancelled, and leaves no socket',
  counting,
  async () => {
    const before = countSockets()
    // A server that never accepts and whose queue is full: what comes now hangs in connect.
    await run(function* () {
      const silent = yield* fullServer()
      try {
        const connecting = createTask(timeout(30, () => openConnection('127.0.0.1', silent.port)))
        const [outcome] = yield* gather([connecting], { returnExceptions: true })
        // Some systems answer in place of the server.
        if (outcome instanceof Error) assert.equal(outcome.name, 'TimeoutError')
        else (outcome as { writer: { close(): void } }).writer.close()
      } finally {
        silent.close()
      }
    })
    assert.equal(await settledSockets(before), before)
  },
)

/** A listening socket of node:net that is too busy to accept, with a short queue full of clients. */
function* fullServer(): Coroutine<{ port: number; close(): void }> {
  const server = net.createServer()
  server.maxConnections = 1
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 })
  while (!server.listening) yield* sleep(1)
  const { port } = server.address() as net.AddressInfo
  const clients = Array.from({ length: 4 }, () =>
    net.connect(port, '127.0.0.1').on('error', () => {}),
  )
  return {
    port,
    close: () => {
      for (const client of clients) client.destroy()
      server.close()
    },
  }
}

function* settle(server: { close(): void; waitClosed(): PromiseLike<void> }): Coroutine<void> {
  server.close()
  yield* gather([server.waitClosed()])
}

/** The number of sockets once it is `wanted`, or after a while. */
async function settledSockets(wanted: number): Promise<number> {
  for (let i = 0; i < 200 && countSockets() !== wanted; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return countSockets()
}
