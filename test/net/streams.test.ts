// openConnection and startServer: readers and writers over real connections.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import test from 'node:test'
import {
  allTasks,
  type Coroutine,
  createTask,
  currentTask,
  gather,
  openConnection,
  run,
  type Server,
  type StreamHandler,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
  waitFor,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'

const MIB = 1024 * 1024

function* echo(reader: StreamReader, writer: StreamWriter): Coroutine<void> {
  for (;;) {
    const chunk = yield* reader.read(64 * 1024)
    if (chunk.length === 0) break
    writer.write(chunk)
    yield* writer.drain()
  }
  writer.close()
  yield* writer.waitClosed()
}

/** Serves with `handler` while `body` runs with the port. */
function* serving(
  handler: StreamHandler,
  body: (port: number) => Coroutine<void>,
): Coroutine<void> {
  const server: Server = yield* startServer(handler, { host: '127.0.0.1', port: 0 })
  try {
    yield* body(portOf(server))
  } finally {
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

testOnLoop('a client and a server talk in lines', function* () {
  const shout: StreamHandler = function* (reader, writer) {
    for (;;) {
      const line = yield* reader.readline()
      if (line.length === 0) break
      writer.write(line.toString().toUpperCase())
    }
    writer.close()
  }
  yield* serving(shout, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.writelines(['one\n', 'two\n', 'last'])
    assert.equal((yield* reader.readline()).toString(), 'ONE\n')
    assert.equal((yield* reader.readline()).toString(), 'TWO\n')
    writer.writeEof()
    assert.equal((yield* reader.read()).toString(), 'LAST')
    assert.equal(reader.atEof(), true)
    writer.close()
    assert.equal(writer.isClosing(), true)
    yield* writer.waitClosed()
  })
})

test('the same with async functions', async () => {
  await run(async () => {
    const server = await startServer(
      async (reader, writer) => {
        for await (const chunk of reader) {
          writer.write(chunk)
          await writer.drain()
        }
        writer.close()
        await writer.waitClosed()
      },
      { host: '127.0.0.1', port: 0 },
    )
    const [reader, writer] = await openConnection({ host: '127.0.0.1', port: portOf(server) })
    writer.write('hello')
    await writer.drain()
    assert.equal((await reader.readexactly(5)).toString(), 'hello')
    writer.writeEof()
    assert.equal((await reader.read()).length, 0)
    await writer[Symbol.asyncDispose]()
    assert.equal(writer.isClosing(), true)
    await server[Symbol.asyncDispose]()
    assert.equal(server.isServing(), false)
  })
})

testOnLoop('drain() waits while too much waits to be sent, and only then', function* () {
  let opened: (reader: StreamReader) => void = () => {}
  const silent: StreamHandler = function* (reader) {
    opened(reader)
  }
  yield* serving(silent, function* (port) {
    let peer!: StreamReader
    opened = (reader) => {
      peer = reader
    }
    const { writer } = yield* openConnection('127.0.0.1', port)
    writer.write('little')
    yield* writer.drain()
    writer.write(Buffer.alloc(16 * MIB))
    const draining = createTask(writer.drain())
    const second = createTask(writer.drain())
    for (let i = 0; i < 10; i++) yield* sleep(1)
    assert.deepEqual([draining.done(), second.done()], [false, false])
    yield* peer.readexactly(16 * MIB + 6)
    yield* gather(draining, second)
    writer.close()
    yield* writer.waitClosed()
  })
})

testOnLoop('a cancelled drain() leaves the connection as it is', function* () {
  yield* serving(echo, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.write(Buffer.alloc(16 * MIB))
    const draining = createTask(writer.drain())
    yield* sleep(0)
    draining.cancel()
    yield* gather([draining], { returnExceptions: true })
    assert.equal(draining.cancelled(), true)
    assert.equal((yield* reader.readexactly(16 * MIB)).length, 16 * MIB)
    yield* writer.drain()
    writer.close()
    yield* writer.waitClosed()
  })
})

testOnLoop('a slow reader holds the sender up instead of filling the memory', function* () {
  let written = 0
  const pour: StreamHandler = function* (_reader, writer) {
    while (written < 64 * MIB) {
      writer.write(Buffer.alloc(MIB))
      written += MIB
      yield* writer.drain()
    }
    writer.close()
  }
  yield* serving(pour, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    yield* reader.readexactly(1)
    let before = -1
    while (before !== written) {
      before = written
      for (let i = 0; i < 20; i++) yield* sleep(1)
    }
    assert.ok(written < 64 * MIB, `${written} bytes were written to nobody`)
    let read = 1
    for (;;) {
      const chunk = yield* reader.read(MIB)
      if (chunk.length === 0) break
      read += chunk.length
    }
    assert.equal(read, 64 * MIB)
    writer.close()
    yield* writer.waitClosed()
  })
})

testOnLoop('a reset reaches reading, draining and waitClosed', function* () {
  const hangUp: StreamHandler = function* (_reader, writer) {
    yield* sleep(5)
    writer.transport.abort()
  }
  yield* serving(hangUp, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    const reading = createTask(reader.readexactly(1))
    // What the peer never reads makes its going away a reset.
    writer.write(Buffer.alloc(16 * MIB))
    const draining = createTask(writer.drain())
    const outcomes = yield* gather([reading, draining, writer.waitClosed()], {
      returnExceptions: true,
    })
    for (const outcome of outcomes) {
      assert.match(String((outcome as NodeJS.ErrnoException).code), /^(ECONNRESET|EPIPE)$/)
    }
    const later = yield* gather([reader.read(1), writer.drain(), writer.waitClosed()], {
      returnExceptions: true,
    })
    for (const outcome of later) assert.ok(outcome instanceof Error)
    assert.equal(reader.exception(), outcomes[0])
    writer.write('into the void')
  })
})

testOnLoop('drain() after the connection is over is an error, waitClosed() is not', function* () {
  yield* serving(echo, function* (port) {
    const { writer } = yield* openConnection('127.0.0.1', port)
    writer.close()
    yield* writer.waitClosed()
    yield* writer.waitClosed()
    const [outcome] = yield* gather([writer.drain()], { returnExceptions: true })
    assert.equal((outcome as NodeJS.ErrnoException).code, 'ECONNRESET')
  })
})

testOnLoop('a peer that closes while a read waits is the end, not an error', function* () {
  const hangUp: StreamHandler = function* (_reader, writer) {
    writer.write('bye')
    writer.close()
  }
  yield* serving(hangUp, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    assert.equal((yield* reader.read()).toString(), 'bye')
    assert.equal((yield* reader.read(1)).length, 0)
    assert.equal((yield* reader.readline()).length, 0)
    writer.close()
    yield* writer.waitClosed()
  })
})

testOnLoop('closing a writer wakes the one that reads', function* () {
  yield* serving(echo, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    const reading = createTask(reader.read(1))
    yield* sleep(1)
    writer.close()
    assert.equal((yield* reading).length, 0)
  })
})

testOnLoop('a handler that throws is reported, and its connection closed', function* (reports) {
  const broken = new Error('broken handler')
  const handler: StreamHandler = function* (reader) {
    yield* reader.readline()
    throw broken
  }
  yield* serving(handler, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.write('go\n')
    assert.equal((yield* reader.read()).length, 0)
    writer.close()
    // The server goes on.
    const again = yield* openConnection('127.0.0.1', port)
    again.writer.write('go\n')
    assert.equal((yield* again.reader.read()).length, 0)
    again.writer.close()
    for (const { message, exception } of reports.splice(0, 2)) {
      assert.match(message, /handler of a connection/)
      assert.equal(exception, broken)
    }
  })
})

test('an async handler that throws is reported, and its connection closed', async () => {
  await run(async () => {
    const reports: unknown[] = []
    const server = await startServer(
      async (reader) => {
        await reader.readline()
        throw new Error('broken handler')
      },
      { host: '127.0.0.1', port: 0 },
    )
    server.getLoop().setExceptionHandler((_loop, { exception }) => reports.push(exception))
    const { reader, writer } = await openConnection('127.0.0.1', portOf(server))
    writer.write('go\n')
    assert.equal((await reader.read()).length, 0)
    assert.match(String(reports[0]), /broken handler/)
    writer.close()
    server.close()
    await server.waitClosed()
  })
})

testOnLoop('a handler that returns leaves its connection open', function* () {
  let kept: StreamWriter | null = null
  const handler: StreamHandler = function* (_reader, writer) {
    kept = writer
  }
  yield* serving(handler, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    while (kept === null) yield* sleep(1)
    yield* sleep(1)
    const theirs = kept as StreamWriter
    assert.equal(theirs.isClosing(), false)
    theirs.write('late')
    assert.equal((yield* reader.readexactly(4)).toString(), 'late')
    writer.close()
  })
})

testOnLoop('a cancelled handler closes its connection and is not reported', function* () {
  let isServed = false
  const handler: StreamHandler = function* (reader) {
    isServed = true
    yield* waitFor(reader.read(1), null)
  }
  const server = yield* startServer(handler, '127.0.0.1', 0)
  const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
  while (!isServed) yield* sleep(1)
  const handling = [...allTasks()].filter((task) => task !== currentTask())
  assert.equal(handling.length, 1)
  handling[0]!.cancel()
  assert.equal((yield* reader.read()).length, 0)
  writer.close()
  server.close()
  yield* server.waitClosed()
})

testOnLoop('the limit holds for a line that a peer never ends', function* () {
  const flood: StreamHandler = function* (_reader, writer) {
    writer.write('x'.repeat(MIB))
  }
  yield* serving(flood, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port, { limit: 5000 })
    const [outcome] = yield* gather([reader.readline()], { returnExceptions: true })
    assert.equal((outcome as NodeJS.ErrnoException).code, 'ERR_LIMIT_OVERRUN')
    writer.close()
  })
})

testOnLoop('the names of both ends agree, also when the connection is over', function* () {
  let accepted!: StreamWriter
  const handler: StreamHandler = function* (reader, writer) {
    accepted = writer
    yield* echo(reader, writer)
  }
  yield* serving(handler, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.write('x')
    yield* reader.readexactly(1)
    const here = writer.getExtraInfo('sockname')!
    const there = writer.getExtraInfo('peername')!
    assert.deepEqual([...there], ['127.0.0.1', port])
    assert.deepEqual([there.address, there.port, there.family], ['127.0.0.1', port, 'IPv4'])
    assert.deepEqual([...accepted.getExtraInfo('peername')!], [...here])
    assert.deepEqual([...accepted.getExtraInfo('sockname')!], [...there])
    assert.deepEqual([...writer.getExtraInfo('socket').getpeername()!], [...there])
    writer.close()
    yield* writer.waitClosed()
    assert.deepEqual([...writer.getExtraInfo('peername')!], [...there])
    assert.deepEqual([...writer.getExtraInfo('sockname')!], [...here])
  })
})

test('a handler runs in the context of its connection, which is none of the others', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  await run(async () => {
    const server = await storage.run('server', () =>
      startServer(
        async (reader, writer) => {
          seen.push(storage.getStore())
          storage.enterWith(String(await reader.readline()).trim())
          await reader.readline()
          seen.push(storage.getStore())
          writer.close()
        },
        { host: '127.0.0.1', port: 0 },
      ),
    )
    const pairs = []
    for (const name of ['first', 'second']) {
      const pair = await openConnection('127.0.0.1', portOf(server))
      pair.writer.write(`${name}\n`)
      pairs.push(pair)
    }
    for (const { reader, writer } of pairs) {
      writer.write('go\n')
      await reader.read()
      writer.close()
    }
    server.close()
    await server.waitClosed()
  })
  assert.deepEqual(seen, ['server', 'server', 'first', 'second'])
})
