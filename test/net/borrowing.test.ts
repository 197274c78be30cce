// Readers that borrow: what they give is valid until they are asked for more.

import assert from 'node:assert/strict'
import {
  backendInfo,
  type Coroutine,
  gather,
  IncompleteReadError,
  openConnection,
  type Server,
  type StreamHandler,
  StreamReader,
  sleep,
  startServer,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'

const KIB = 1024

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE((i * 2654435761 + seed) >>> 0, i)
  return bytes
}

/** Serves with `handler`, whose readers borrow, while `body` runs with the port. */
function* borrowing(
  handler: StreamHandler,
  body: (port: number) => Coroutine<void>,
): Coroutine<void> {
  const server: Server = yield* startServer(handler, '127.0.0.1', 0, { borrow: true })
  try {
    yield* body(portOf(server))
  } finally {
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

/** Sends each message and expects what `answers` makes of it. */
function* converse(port: number, messages: Buffer[]): Coroutine<void> {
  const { reader, writer } = yield* openConnection({ host: '127.0.0.1', port, borrow: true })
  for (const message of messages) {
    writer.write(message)
    yield* writer.drain()
    assert.ok((yield* reader.readexactly(message.length)).equals(message))
  }
  writer.close()
  yield* writer.waitClosed()
}

const echo: StreamHandler = function* (reader, writer) {
  for (;;) {
    const chunk = yield* reader.read(64 * KIB)
    if (chunk.length === 0) break
    writer.write(chunk)
    yield* writer.drain()
  }
  writer.close()
}

testOnLoop('an echo by borrowing readers brings back what was sent', function* () {
  const lengths = [1, 100, 16 * KIB - 4, 16 * KIB, 60 * KIB, 100 * KIB, 500 * KIB, 20 * KIB]
  yield* borrowing(echo, function* (port) {
    const clients = Array.from({ length: 6 }, (_, client) => {
      const messages = Array.from({ length: 24 }, (_, i) => {
        return pattern(lengths[(i + client) % lengths.length]!, client * 100 + i)
      })
      return converse(port, messages)
    })
    yield* gather(clients)
  })
})

testOnLoop('what a borrowing reader gave stays until it is asked for more', function* () {
  const slow = pattern(64 * KIB, 1)
  let checked = 0
  const handler: StreamHandler = function* (reader, writer) {
    const first = (yield* reader.readexactly(4)).readUInt32LE()
    if (first === 0) {
      yield* echo(reader, writer) as Coroutine<void>
      return
    }
    let position = 4
    while (position < slow.length) {
      const chunk = yield* reader.read(30 * KIB)
      yield* sleep(2)
      assert.ok(chunk.equals(slow.subarray(position, position + chunk.length)))
      position += chunk.length
      checked++
    }
    writer.close()
  }
  slow.writeUInt32LE(1, 0)
  yield* borrowing(handler, function* (port) {
    const slowClient = function* (): Coroutine<void> {
      const { reader, writer } = yield* openConnection('127.0.0.1', port)
      writer.write(slow)
      assert.equal((yield* reader.read()).length, 0)
      writer.close()
    }
    const busyClient = function* (): Coroutine<void> {
      const { reader, writer } = yield* openConnection('127.0.0.1', port)
      const message = pattern(100 * KIB, 2)
      writer.write(Buffer.alloc(4))
      for (let i = 0; i < 40; i++) {
        writer.write(message)
        yield* writer.drain()
        assert.ok((yield* reader.readexactly(message.length)).equals(message))
      }
      writer.close()
    }
    yield* gather([slowClient(), busyClient(), slowClient(), busyClient()])
  })
  assert.ok(checked >= 4)
})

testOnLoop('a borrowing reader gives lines, and whole what spans many chunks', function* () {
  const long = pattern(400 * KIB, 3)
  const lines: string[] = []
  let rest: Buffer | null = null
  let whole: Buffer | null = null
  const handler: StreamHandler = function* (reader, writer) {
    for (let i = 0; i < 3; i++) lines.push((yield* reader.readline()).toString())
    rest = Buffer.from(yield* reader.readexactly(200 * KIB))
    whole = yield* reader.read()
    writer.close()
  }
  yield* borrowing(handler, function* (port) {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.writelines(['one\n', 'two\n', `${'x'.repeat(30 * KIB)}\n`, long])
    writer.writeEof()
    assert.equal((yield* reader.read()).length, 0)
    writer.close()
  })
  assert.deepEqual(
    lines.map((line) => line.length),
    [4, 4, 30 * KIB + 1],
  )
  assert.ok(long.subarray(0, 200 * KIB).equals(rest!))
  assert.ok(long.subarray(200 * KIB).equals(whole!))
})

testOnLoop('the rest in an IncompleteReadError is nobody else’s', function* () {
  const sent = pattern(40 * KIB, 4)
  const partials: (Buffer | string)[] = []
  const handler: StreamHandler = function* (reader, writer) {
    try {
      yield* reader.readexactly(sent.length + 1)
    } catch (error) {
      assert.ok(error instanceof IncompleteReadError)
      partials.push(error.partial as Buffer)
    }
    writer.close()
  }
  yield* borrowing(handler, function* (port) {
    for (let i = 0; i < 8; i++) {
      const { reader, writer } = yield* openConnection('127.0.0.1', port)
      writer.write(sent)
      writer.writeEof()
      yield* reader.read()
      writer.close()
    }
  })
  assert.equal(partials.length, 8)
  for (const partial of partials) assert.ok(sent.equals(partial as Buffer))
})

testOnLoop('the memory that is given back is received into again', function* () {
  const memories = new Set<unknown>()
  const handler: StreamHandler = function* (reader, writer) {
    for (;;) {
      const chunk = yield* reader.read(200 * KIB)
      if (chunk.length === 0) break
      if (chunk.length >= 16 * KIB) memories.add(chunk.buffer)
      writer.write(chunk)
      yield* writer.drain()
    }
    writer.close()
  }
  const message = pattern(100 * KIB, 5)
  yield* borrowing(handler, function* (port) {
    yield* gather([1, 2, 3].map(() => converse(port, new Array<Buffer>(60).fill(message))))
  })
  assert.ok(memories.size > 0)
  // 18 MiB came in, by slabs of half a MiB. The fallback has Node's chunks.
  if (backendInfo().name === 'native') assert.ok(memories.size <= 6, `${memories.size} memories`)
})

testOnLoop('a borrowing reader that is never asked again holds up nobody', function* () {
  const idle: StreamReader[] = []
  const handler: StreamHandler = function* (reader, writer) {
    const first = yield* reader.read(64 * KIB)
    if (first.length === 1) {
      yield* echo(reader, writer) as Coroutine<void>
    } else {
      idle.push(reader)
    }
  }
  yield* borrowing(handler, function* (port) {
    for (let i = 0; i < 30; i++) {
      const { writer } = yield* openConnection('127.0.0.1', port)
      writer.write(pattern(100 * KIB, i))
    }
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    writer.write('x')
    yield* sleep(5)
    const message = pattern(90 * KIB, 6)
    for (let i = 0; i < 50; i++) {
      writer.write(message)
      yield* writer.drain()
      assert.ok((yield* reader.readexactly(message.length)).equals(message))
    }
    writer.close()
    while (idle.length < 30) yield* sleep(1)
  })
})

testOnLoop('whether a reader borrows is true or false', function* () {
  const bad = { borrow: 'yes' as unknown as boolean }
  const code = 'ERR_INVALID_ARG_TYPE'
  assert.throws(() => new StreamReader(bad), { name: 'TypeError', code })
  assert.throws(() => startServer(echo, '127.0.0.1', 0, bad), { name: 'TypeError', code })
  assert.throws(() => openConnection('127.0.0.1', 1, bad), { name: 'TypeError', code })
  yield* sleep(0)
})
