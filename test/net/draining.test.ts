// StreamWriter.drain of a connection that this end has closed: what can still be sent, and what is lost.

import assert from 'node:assert/strict'
import {
  type Coroutine,
  createSubprocessExec,
  createTask,
  Future,
  gather,
  openConnection,
  PIPE,
  type Server,
  type StreamHandler,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
} from 'gyre'
import { codeOf } from '../thrown.js'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'

/** Serves with `handler` while `body` runs with the port. */
function* serving(
  handler: StreamHandler,
  body: (port: number) => Coroutine<void>,
): Coroutine<void> {
  const server: Server = yield* startServer(handler, '127.0.0.1', 0)
  try {
    yield* body(portOf(server))
  } finally {
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

function* readAll(reader: StreamReader, writer: StreamWriter): Coroutine<void> {
  yield* reader.read()
  writer.close()
}

for (const [what, write] of Object.entries({
  'right after close()': (writer: StreamWriter) => {
    writer.close()
    writer.write('lost')
  },
  'after close() behind what was written': (writer: StreamWriter) => {
    writer.write('sent')
    writer.close()
  },
  'after abort()': (writer: StreamWriter) => {
    writer.write('dropped')
    writer.transport.abort()
  },
})) {
  testOnLoop(`drain() ${what} is an error, as in asyncio`, function* () {
    yield* serving(readAll, function* (port) {
      for (const kind of ['generator', 'async']) {
        const { writer } = yield* openConnection('127.0.0.1', port)
        const draining = kind === 'async' ? async () => writer.drain() : () => writer.drain()
        write(writer)
        const [outcome] = yield* gather([draining], { returnExceptions: true })
        assert.equal(codeOf(outcome), 'ECONNRESET')
        yield* writer.waitClosed()
      }
    })
  })
}

testOnLoop(
  'drain() of a connection that is closing waits for what the peer has not taken',
  function* () {
    const got = new Future<number>()
    const reading = new Future<void>()
    const handler = function* (reader: StreamReader, writer: StreamWriter) {
      yield* reading
      got.setResult((yield* reader.read()).length)
      writer.close()
    }
    yield* serving(handler, function* (port) {
      const { writer } = yield* openConnection('127.0.0.1', port)
      const size = 16 << 20
      writer.write(Buffer.alloc(size))
      writer.close()
      const draining = createTask(writer.drain())
      yield* sleep(5)
      assert.equal(draining.done(), false)
      reading.setResult(undefined)
      yield* draining
      assert.equal(yield* got, size)
    })
  },
)

testOnLoop('drain() of the stdin of a child that has exited is an error', function* () {
  const child = yield* createSubprocessExec('true', [], { stdin: PIPE })
  yield* child.wait()
  child.stdin!.write('lost')
  const [outcome] = yield* gather([child.stdin!.drain()], { returnExceptions: true })
  assert.equal(codeOf(outcome), 'ECONNRESET')
  yield* child.stdin!.waitClosed()
})
