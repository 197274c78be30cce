// The memory of what comes in: borrowed by protocols, kept by readers.

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import {
  type Coroutine,
  Event,
  gather,
  getRunningLoop,
  openConnection,
  type Protocol,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
  type Transport,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { portOf, withPair } from './pair.js'
import { until } from './until.js'

const KIB = 1024

/** Bytes of which each tells its place: no stretch of them is like another nearby. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE((i * 2654435761 + seed) >>> 0, i)
  return bytes
}

function* sendAll(bytes: Buffer, piece: number, writer: StreamWriter): Coroutine<void> {
  for (let at = 0; at < bytes.length; at += piece) {
    writer.write(bytes.subarray(at, at + piece))
    yield* writer.drain()
  }
  writer.writeEof()
}

/** Sends so much to a reader that waits for it and keeps it. */
function* transfer(bytes: number): Coroutine<void> {
  const server = yield* startServer(
    function* (reader, writer) {
      yield* collect(reader)
      writer.close()
    },
    '127.0.0.1',
    0,
  )
  const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
  yield* sendAll(pattern(bytes, 1), 64 * KIB, writer)
  yield* reader.read()
  writer.close()
  yield* writer.waitClosed()
  server.close()
  yield* server.waitClosed()
}

function* collect(reader: StreamReader): Coroutine<Buffer[]> {
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = yield* reader.read(200 * KIB)
    if (chunk.length === 0) return chunks
    chunks.push(chunk)
  }
}

for (const piece of [100, 5 * KIB, 16 * KIB, 100 * KIB, 300 * KIB]) {
  const name = `chunks of readers stay as they are while more comes in, ${piece} bytes at a time`
  testOnLoop(name, function* () {
    const total = Math.min(piece * 400, 6 * KIB * KIB)
    const received: Buffer[] = []
    const server = yield* startServer(
      function* (reader, writer) {
        const chunks = yield* collect(reader)
        received.push(Buffer.concat(chunks))
        writer.close()
      },
      '127.0.0.1',
      0,
    )
    const client = function* (seed: number): Coroutine<void> {
      const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
      yield* sendAll(pattern(total, seed), piece, writer)
      assert.equal((yield* reader.read()).length, 0)
      writer.close()
      yield* writer.waitClosed()
    }
    yield* gather([0, 1, 2].map((seed) => client(seed)))
    server.close()
    yield* server.waitClosed()
    for (const seed of [0, 1, 2]) {
      assert.equal(received.filter((bytes) => bytes.equals(pattern(total, seed))).length, 1)
    }
  })
}

testOnLoop('what came in while reading was paused stays as it is', function* () {
  const sent = pattern(256 * KIB, 7)
  const chunks: Buffer[] = []
  let length = 0
  const isWhole = new Event()
  let transport: Transport
  const pausing: Protocol = {
    connectionMade(made) {
      transport = made
    },
    dataReceived(data) {
      chunks.push(Buffer.from(data))
      length += data.length
      if (length === sent.length) isWhole.set()
      transport.pauseReading()
      getRunningLoop().callLater(1, () => transport.resumeReading())
    },
  }
  yield* withPair(
    function* ({ client }) {
      for (let at = 0; at < sent.length; at += 20 * KIB) {
        client.transport.write(sent.subarray(at, at + 20 * KIB))
      }
      yield* isWhole.wait()
      assert.ok(Buffer.concat(chunks).equals(sent))
    },
    { accepted: pausing },
  )
})

testOnLoop('protocols that borrow and readers that keep get their own bytes', function* () {
  const loop = getRunningLoop()
  const sums = new Map<number, Buffer[]>()
  const borrowing = yield* loop.createServer(
    () => {
      let mine: Buffer[] = []
      return {
        dataReceived(data: Buffer) {
          mine.push(Buffer.from(data))
          data.fill(0)
        },
        connectionLost() {
          sums.set(sums.size, mine)
          mine = []
        },
      }
    },
    '127.0.0.1',
    0,
  )
  const kept: Buffer[][] = []
  const keeping = yield* startServer(
    function* (reader, writer) {
      kept.push(yield* collect(reader))
      writer.close()
    },
    '127.0.0.1',
    0,
  )
  const bytes = pattern(2 * KIB * KIB, 99)
  const client = function* (port: number): Coroutine<void> {
    const { reader, writer } = yield* openConnection('127.0.0.1', port)
    yield* sendAll(bytes, 40 * KIB, writer)
    yield* reader.read()
    writer.close()
    yield* writer.waitClosed()
  }
  const ports = [borrowing, keeping, borrowing, keeping].map(portOf)
  yield* gather(ports.map((port) => client(port)))
  for (const server of [borrowing, keeping]) {
    server.close()
    yield* server.waitClosed()
  }
  const all = [...sums.values(), ...kept]
  assert.equal(all.length, 4)
  for (const chunks of all) assert.ok(Buffer.concat(chunks).equals(bytes))
})

testOnLoop('a short chunk does not hold the memory of others', function* () {
  const lengths: number[] = []
  const server = yield* startServer(
    function* (reader, writer) {
      for (;;) {
        const chunk = yield* reader.read(64 * KIB)
        if (chunk.length === 0) break
        lengths.push(chunk.buffer.byteLength)
        writer.write(chunk)
      }
      writer.close()
    },
    '127.0.0.1',
    0,
  )
  const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
  for (let i = 0; i < 20; i++) {
    writer.write(pattern(3 * KIB, i))
    assert.ok((yield* reader.readexactly(3 * KIB)).equals(pattern(3 * KIB, i)))
    yield* sleep(0)
  }
  writer.close()
  yield* writer.waitClosed()
  server.close()
  yield* server.waitClosed()
  assert.ok(lengths.length >= 20)
  // A place in a pool of Node's, which has 64 KiB and a little in Node 26.
  assert.ok(Math.max(...lengths) < 128 * KIB, `${Math.max(...lengths)} bytes for 3 KiB`)
})

for (const borrow of [false, true]) {
  const how = borrow ? 'a reader that borrows' : 'a reader'
  testOnLoop(`what ${how} has and nobody waits for does not hold much more`, function* () {
    const mayRead = new Event()
    const slow: StreamReader[] = []
    const buffers = new Set<ArrayBufferLike>()
    const server = yield* startServer(
      function* (reader, writer) {
        slow.push(reader)
        yield* mayRead.wait()
        buffers.add((yield* reader.readexactly(20 * KIB)).buffer)
        writer.close()
      },
      '127.0.0.1',
      0,
      { borrow },
    )
    const writers: StreamWriter[] = []
    for (let i = 0; i < 10; i++) {
      const { writer } = yield* openConnection('127.0.0.1', portOf(server))
      writers.push(writer)
      writer.write(pattern(20 * KIB, i))
      const isThere = () => slow.length > i && inspect(slow[i]).includes(` ${20 * KIB} bytes`)
      yield* until(isThere)
      // In the meantime others use the memory up.
      yield* transfer(1024 * KIB)
    }
    mayRead.set()
    for (const writer of writers) {
      writer.close()
      yield* writer.waitClosed()
    }
    server.close()
    yield* server.waitClosed()
    const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
    assert.ok(held < 10 * 128 * KIB, `${held} bytes for ${10 * 20 * KIB}`)
  })
}
