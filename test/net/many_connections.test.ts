// Many connections: ten thousand opened and closed leave no descriptor behind; many at once talk without
// mixing up their bytes.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type Coroutine,
  gather,
  getRunningLoop,
  openConnection,
  type Protocol,
  run,
  type Server,
  type StreamReader,
  type StreamWriter,
  startServer,
  type Transport,
} from 'gyre'
import { canCountDescriptors, countSockets } from '../lifetime/descriptors.js'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'

const TOTAL = 10_000
const AT_ONCE = 50

function* over(server: Server): Coroutine<void> {
  server.close()
  server.abortClients()
  yield* server.waitClosed()
}

class EchoProtocol implements Protocol {
  private transport!: Transport

  connectionMade(transport: Transport): void {
    this.transport = transport
  }

  dataReceived(data: Buffer): void {
    this.transport.write(data)
  }
}

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

async function echoStream(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for await (const chunk of reader) {
    writer.write(chunk)
    await writer.drain()
  }
  writer.close()
  await writer.waitClosed()
}

/** One visit: connects, says its number, hears it, and leaves in one of the ways to leave. */
function* visit(port: number, index: number): Coroutine<void> {
  const { reader, writer } = yield* openConnection('127.0.0.1', port)
  const text = `visitor ${index}\n`
  writer.write(text)
  assert.equal((yield* reader.readline()).toString(), text)
  if (index % 3 === 0) writer.transport.abort()
  else {
    if (index % 3 === 1) writer.writeEof()
    writer.close()
  }
  yield* writer.waitClosed()
}

function* visits(port: number, first: number, step: number, count: number): Coroutine<void> {
  for (let index = first; index < count; index += step) yield* visit(port, index)
}

test('ten thousand connections opened and closed leave no socket', {
  timeout: 170_000,
}, async () => {
  const before = canCountDescriptors ? countSockets() : 0
  await run(function* () {
    const server = yield* startServer(echo, '127.0.0.1', 0)
    const port = portOf(server)
    const workers = Array.from({ length: AT_ONCE }, (_, index) =>
      visits(port, index, AT_ONCE, TOTAL),
    )
    yield* gather(workers)
    if (canCountDescriptors) {
      // The listener, and connections whose end the server has not heard of yet.
      assert.ok(countSockets() <= before + 1 + 2 * AT_ONCE)
    }
    server.close()
    yield* server.waitClosed()
  })
  if (canCountDescriptors) {
    for (let i = 0; i < 100 && countSockets() > before; i++) await new Promise(setImmediate)
    assert.equal(countSockets(), before)
  }
})

testOnLoop('a thousand connections that are open at once are all served', function* () {
  const server = yield* getRunningLoop().createServer(() => new EchoProtocol(), {
    host: '127.0.0.1',
    backlog: 1024,
  })
  const opened = yield* gather(
    Array.from({ length: 1000 }, () => openConnection('127.0.0.1', portOf(server))),
  )
  for (const [index, { writer }] of opened.entries()) writer.write(`number ${index}\n`)
  for (const [index, { reader }] of opened.entries()) {
    assert.equal((yield* reader.readline()).toString(), `number ${index}\n`)
  }
  for (const { writer } of opened) writer.close()
  yield* over(server)
})

const handlers = {
  'a protocol': () => getRunningLoop().createServer(() => new EchoProtocol(), '127.0.0.1', 0),
  'a generator over streams': () => startServer(echo, '127.0.0.1', 0),
  'an async function over streams': () => startServer(echoStream, '127.0.0.1', 0),
}

for (const [name, start] of Object.entries(handlers)) {
  testOnLoop(`an echo server by ${name} gives each client its own bytes under load`, function* () {
    const server = yield* start()
    const client = function* (id: number): Coroutine<void> {
      const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
      for (let round = 0; round < 40; round++) {
        const length = 1 + ((id * 7919 + round * 104_729) % 40_000)
        const message = Buffer.alloc(length, `${id}:${round};`)
        writer.write(message)
        yield* writer.drain()
        assert.equal((yield* reader.readexactly(length)).equals(message), true)
      }
      writer.close()
      yield* writer.waitClosed()
    }
    yield* gather(Array.from({ length: 50 }, (_, id) => client(id)))
    yield* over(server)
  })
}
