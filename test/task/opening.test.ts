// What was opened for somebody who was cancelled just then: nobody would have it, so it is closed.
//
// An opening ends in one turn, and who waits for it goes on in the next. The tests cancel in between:
// a callback looks in every turn whether the opening is done, which is no use of its result.

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  type Connection,
  type Coroutine,
  type CoroutineFunction,
  createSubprocessExec,
  createTask,
  type Future,
  gather,
  getRunningLoop,
  openConnection,
  openReadPipe,
  openWritePipe,
  type Server,
  type StreamHandler,
  serve,
  shield,
  sleep,
  startServer,
  type Task,
  timeout,
  waitFor,
} from 'gyre'
import { type Fifo, withFifo } from '../net/fifo.js'
import { testOnLoop } from '../net/on_loop.js'
import { portOf } from '../net/pair.js'
import { Recorder } from '../net/recorder.js'
import { ca, server as identity } from '../tls/certificates.js'
import { serving } from '../tls/serving.js'

/** Calls `act` as soon as `future` is done, before who waits for it goes on. */
function justAfter(future: Future<unknown>, act: () => void): void {
  const loop = getRunningLoop()
  const look = () => {
    if (future.done()) act()
    else loop.callSoon(look)
  }
  loop.callSoon(look)
}

/** Waits until all tasks are done, and checks that all were cancelled. */
function* untilCancelled(...tasks: Task<unknown>[]): Coroutine<void> {
  yield* gather(tasks, { returnExceptions: true })
  for (const task of tasks) assert.equal(task.cancelled(), true, `${inspect(task)} has the result`)
}

/** Opens, and cancels who waits before he has the result; gives what was opened. */
function* unclaimed<T>(
  open: () => Future<T>,
  waiting: (opening: Future<T>) => CoroutineFunction<[], unknown> = inGenerator,
): Coroutine<T> {
  const opening = open()
  // It waits before the opening takes its first step, which may be its last.
  const waiter = createTask(waiting(opening), { eagerStart: true })
  justAfter(opening, () => waiter.cancel())
  yield* untilCancelled(waiter)
  return opening.result()
}

function inGenerator<T>(opening: Future<T>) {
  return function* (): Coroutine<T> {
    return yield* opening
  }
}

const waiters: Record<string, (opening: Future<unknown>) => CoroutineFunction<[], unknown>> = {
  'a generator': inGenerator,
  'an async function': (opening) => async () => await opening,
  'a generator in a timeout': (opening) =>
    function* () {
      return yield* timeout(60_000, inGenerator(opening))
    },
  'an async function in a timeout': (opening) => async () => {
    return await timeout(60_000, async () => await opening)
  },
  'waitFor in an async function': (opening) => async () => await waitFor(opening, 60_000),
}

/** A server whose connections wait for their end. */
function* withServer(body: (port: number) => Coroutine<void>): Coroutine<void> {
  const server = yield* getRunningLoop().createServer(() => ({}), '127.0.0.1', 0)
  try {
    yield* body(portOf(server))
  } finally {
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

const connectTo = (port: number) => () =>
  getRunningLoop().createConnection(() => new Recorder(), '127.0.0.1', port)

for (const [name, waiting] of Object.entries(waiters)) {
  testOnLoop(`${name}, cancelled as it is given a connection, leaves none open`, function* () {
    yield* withServer(function* (port) {
      const opened = yield* unclaimed(connectTo(port), waiting as typeof inGenerator)
      assert.equal(yield* opened.protocol.untilLost(), null)
    })
  })
}

testOnLoop(
  'a waiter that is cancelled some turns after connectionMade leaves none open',
  function* () {
    yield* withServer(function* (port) {
      const loop = getRunningLoop()
      for (let turns = 0; turns < 6; turns++) {
        const cancelAfter = (left: number): void => {
          if (left === 0) waiter.cancel()
          else loop.callSoon(cancelAfter, left - 1)
        }
        const protocol = new Recorder({ connectionMade: () => cancelAfter(turns) })
        const waiter: Task<Connection<Recorder>> = createTask(
          inGenerator(loop.createConnection(() => protocol, '127.0.0.1', port)),
        )
        yield* gather([waiter], { returnExceptions: true })
        if (!waiter.cancelled()) protocol.transport.close()
        assert.equal(yield* protocol.untilLost(), null)
      }
    })
  },
)

testOnLoop('a connection whose waiter is cancelled by the factory is closed', function* () {
  yield* withServer(function* (port) {
    const protocol = new Recorder()
    const connecting = getRunningLoop().createConnection(
      () => {
        waiter.cancel()
        return protocol
      },
      '127.0.0.1',
      port,
    )
    const waiter: Task<unknown> = createTask(inGenerator(connecting))
    yield* untilCancelled(waiter)
    assert.equal(connecting.cancelled(), true)
    assert.equal(yield* protocol.untilLost(), null)
  })
})

testOnLoop(
  'of two who wait, one that is cancelled leaves the connection to the other',
  function* () {
    yield* withServer(function* (port) {
      for (const waiting of Object.values(waiters) as (typeof inGenerator)[]) {
        const opening = connectTo(port)()
        const cancelled = createTask(waiting(opening))
        const other = createTask(waiting(opening))
        justAfter(opening, () => cancelled.cancel())
        const { transport, protocol } = yield* other
        yield* untilCancelled(cancelled)
        assert.equal(transport.isClosing(), false)
        transport.abort()
        yield* protocol.untilLost()
      }
    })
  },
)

testOnLoop('a connection is closed when both who wait are cancelled', function* () {
  yield* withServer(function* (port) {
    const opening = connectTo(port)()
    const tasks = [createTask(inGenerator(opening)), createTask(async () => await opening)]
    justAfter(opening, () => {
      for (const task of tasks) task.cancel()
    })
    yield* untilCancelled(...tasks)
    yield* opening.result().protocol.untilLost()
  })
})

const uses: Record<string, (opening: Future<unknown>) => void> = {
  'result()': (opening) => void opening.result(),
  addDoneCallback: (opening) => opening.addDoneCallback(() => {}),
  await: (opening) => void opening.then(() => {}),
  'yield*': (opening) => void createTask(inGenerator(opening), { eagerStart: true }),
  gather: (opening) => void gather([opening]),
}

for (const [name, use] of Object.entries(uses)) {
  testOnLoop(`a connection that somebody else has taken by ${name} stays open`, function* () {
    yield* withServer(function* (port) {
      const opening = connectTo(port)()
      const waiter = createTask(inGenerator(opening))
      justAfter(opening, () => {
        use(opening)
        waiter.cancel()
      })
      yield* untilCancelled(waiter)
      const { transport, protocol } = opening.result()
      assert.equal(transport.isClosing(), false)
      transport.abort()
      yield* protocol.untilLost()
    })
  })
}

testOnLoop('a connection that is kept, and never waited for, stays open', function* () {
  yield* withServer(function* (port) {
    const opening = connectTo(port)()
    while (!opening.done()) yield* sleep(1)
    const { transport, protocol } = yield* opening
    assert.equal(transport.isClosing(), false)
    transport.abort()
    yield* protocol.untilLost()
  })
})

testOnLoop('streams that nobody gets are closed', function* () {
  yield* withServer(function* (port) {
    const { writer } = yield* unclaimed(() => openConnection('127.0.0.1', port))
    assert.equal(writer.transport.isClosing(), true)
    yield* writer.waitClosed()
  })
})

testOnLoop('a datagram endpoint that nobody gets is closed', function* () {
  const over = getRunningLoop().createFuture<Error | null>()
  const factory = () => ({ connectionLost: (error: Error | null) => over.setResult(error) })
  const { transport } = yield* unclaimed(() =>
    getRunningLoop().createDatagramEndpoint(factory, { localAddr: ['127.0.0.1', 0] }),
  )
  assert.equal(transport.isClosing(), true)
  assert.equal(yield* over, null)
})

const listeners: Record<string, () => Future<Server>> = {
  createServer: () => getRunningLoop().createServer(() => ({}), '127.0.0.1', 0),
  startServer: () => startServer(function* () {}, '127.0.0.1', 0),
}

for (const [name, listen] of Object.entries(listeners)) {
  testOnLoop(`a server of ${name} that nobody gets is closed`, function* () {
    const server = yield* unclaimed(listen)
    assert.equal(server.isServing(), false)
    assert.deepEqual(server.sockets, [])
    yield* server.waitClosed()
  })
}

type Closing = { isClosing(): boolean }

const pipes: Record<string, (fifo: Fifo) => Coroutine<Closing>> = {
  *connectReadPipe(fifo) {
    const open = () => getRunningLoop().connectReadPipe(() => ({}), fifo.handOver(fifo.readEnd))
    return (yield* unclaimed(open)).transport
  },
  *connectWritePipe(fifo) {
    const open = () => getRunningLoop().connectWritePipe(() => ({}), fifo.handOver(fifo.writeEnd))
    return (yield* unclaimed(open)).transport
  },
  *openReadPipe(fifo) {
    return (yield* unclaimed(() => openReadPipe(fifo.handOver(fifo.readEnd)))).transport
  },
  *openWritePipe(fifo) {
    return (yield* unclaimed(() => openWritePipe(fifo.handOver(fifo.writeEnd)))).transport
  },
}

for (const [name, open] of Object.entries(pipes)) {
  testOnLoop(`a pipe of ${name} that nobody gets is closed`, function* () {
    yield* withFifo(function* (fifo) {
      const transport = yield* open(fifo)
      assert.equal(transport.isClosing(), true)
    })
  })
}

const IDLE = ['-e', 'setInterval(() => {}, 1e6)']

testOnLoop('a child that nobody gets is killed', function* () {
  const child = yield* unclaimed(() => createSubprocessExec(process.execPath, IDLE))
  assert.equal(yield* child.wait(), -9)
})

testOnLoop('a child with a protocol that nobody gets is killed', function* () {
  const exited = getRunningLoop().createFuture<void>()
  const factory = () => ({ processExited: () => exited.setResult() })
  const { transport } = yield* unclaimed(() =>
    getRunningLoop().subprocessExec(factory, process.execPath, IDLE),
  )
  yield* exited
  assert.equal(transport.getReturncode(), -9)
})

testOnLoop('a connection whose TLS nobody gets is dropped, and its protocol told so', function* () {
  const upgrading: StreamHandler = function* (reader, writer) {
    yield* writer.startTls(identity)
    // However the other end drops the connection.
    yield* gather([reader.read()], { returnExceptions: true })
    writer.transport.abort()
  }
  yield* serving(upgrading, null, function* (port) {
    const { transport, protocol } = yield* connectTo(port)()
    const secured = yield* unclaimed(() =>
      getRunningLoop().startTls(transport, protocol, { ca, servername: 'localhost' }),
    )
    assert.equal(secured.isClosing(), true)
    assert.equal(yield* protocol.untilLost(), null)
  })
})

testOnLoop('the workers of a group that nobody gets end', function* () {
  const module = new URL('../serve/workers.js', import.meta.url)
  const group = yield* unclaimed(() =>
    serve({ module, name: 'lines' }, { workers: 1, host: '127.0.0.1' }),
  )
  yield* group.waitClosed()
  assert.deepEqual(group.workers, [])
})

testOnLoop('a connection that is opened behind a shield outlives who waits', function* () {
  yield* withServer(function* (port) {
    const opening = connectTo(port)()
    const waiter = createTask(() => shield(opening), { eagerStart: true })
    justAfter(opening, () => waiter.cancel())
    yield* untilCancelled(waiter)
    const { transport, protocol } = yield* opening
    assert.equal(transport.isClosing(), false)
    transport.abort()
    yield* protocol.untilLost()
  })
})
