// What is sent arrives, byte for byte: random sizes and chunks, slow readers and slow writers, in both
// directions at once, half-closed and reset, over TCP and Unix sockets; compared by hash.
//
// GYRE_SEED repeats a run; the seed stands in the name of each test.

import assert from 'node:assert/strict'
import { createHash, type Hash, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import {
  type Coroutine,
  createTask,
  Future,
  gather,
  getRunningLoop,
  openConnection,
  type StreamPair,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
} from 'gyre'
import { Random } from '../parity/random.js'
import { testOnLoop } from './on_loop.js'

const SEED = Number(process.env.GYRE_SEED ?? randomInt(2 ** 31))
const MIB = 1024 * 1024

const directory = mkdtempSync(join(tmpdir(), 'gyre-bytes-'))
after(() => rmSync(directory, { recursive: true }))

/** Bytes that cost nothing to make, and tell where they were taken from. */
const pool = Buffer.alloc(4 * MIB)
for (let i = 0; i < pool.length; i += 4) pool.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)

interface Ends {
  client: StreamPair
  server: StreamPair
  close(): Coroutine<void>
}

type Where = { host: string; port: number } | { path: string }

const transports: Record<string, () => Where> = {
  TCP: () => ({ host: '127.0.0.1', port: 0 }),
  Unix: () => ({ path: join(directory, `s${randomInt(2 ** 31)}`) }),
}

function* connectEnds(where: Where): Coroutine<Ends> {
  const accepted = new Future<StreamPair>(getRunningLoop())
  const done = new Future<void>(getRunningLoop())
  const server = yield* startServer(function* (reader, writer) {
    accepted.setResult(Object.assign([reader, writer] as const, { reader, writer }))
    yield* done
  }, where)
  const target = 'path' in where ? where : { ...where, port: server.sockets[0]!.port }
  const client = yield* openConnection(target)
  return {
    client,
    server: yield* accepted,
    *close() {
      done.setResult(undefined)
      server.close()
      server.abortClients()
      client.writer.transport.abort()
      yield* server.waitClosed()
    },
  }
}

/** How somebody sends or receives. */
interface Manner {
  /** The largest piece at a time. */
  pieceBytes: number
  /** One in so many pieces is followed by a rest; 0 for none. */
  restEvery: number
}

function mannerOf(random: Random): Manner {
  return { pieceBytes: 1 << random.below(19), restEvery: random.below(3) === 0 ? 0 : 8 }
}

function* restSometimes(random: Random, { restEvery }: Manner): Coroutine<void> {
  if (restEvery > 0 && random.below(restEvery) === 0) yield* sleep(random.below(2))
}

/** Sends so many bytes and then the end; gives their hash. */
function* send(writer: StreamWriter, bytes: number, random: Random): Coroutine<string> {
  const hash = createHash('sha256')
  const manner = mannerOf(random)
  // Small pieces of much would take all day.
  const largest = Math.max(manner.pieceBytes, Math.ceil(bytes / 300))
  for (let left = bytes; left > 0; ) {
    const length = Math.min(left, 1 + random.below(largest))
    const start = random.below(pool.length - length)
    const piece = Buffer.from(pool.subarray(start, start + length))
    hash.update(piece)
    writer.write(piece)
    // The memory is the caller's again.
    if (length < 4096) piece.fill(0)
    left -= length
    if (random.below(3) > 0) yield* writer.drain()
    yield* restSometimes(random, manner)
  }
  writer.writeEof()
  return hash.digest('hex')
}

/** Receives up to the end; gives the hash. */
function* receive(reader: StreamReader, random: Random): Coroutine<string> {
  const hash: Hash = createHash('sha256')
  const manner = mannerOf(random)
  for (let pieces = 0; ; pieces++) {
    const chunk = yield* reader.read(1 + random.below(Math.max(manner.pieceBytes, 16_384)))
    if (chunk.length === 0) return hash.digest('hex')
    hash.update(chunk)
    if (pieces < 200) yield* restSometimes(random, manner)
  }
}

function sizeOf(random: Random): number {
  const sizes = [0, 1, random.below(100), random.below(70_000), random.below(3 * MIB)]
  return sizes[random.below(sizes.length)]!
}

for (const [name, where] of Object.entries(transports)) {
  for (let round = 0; round < 10; round++) {
    const seed = (SEED + round) >>> 0
    testOnLoop(`both directions arrive whole over ${name}, seed ${seed}`, function* () {
      const random = new Random(seed)
      const ends = yield* connectEnds(where())
      const [up, down] = [sizeOf(random), sizeOf(random)]
      const seeds = Array.from({ length: 4 }, () => new Random(random.below(2 ** 30)))
      const [sentUp, sentDown, gotUp, gotDown] = yield* gather(
        send(ends.client.writer, up, seeds[0]!),
        send(ends.server.writer, down, seeds[1]!),
        receive(ends.server.reader, seeds[2]!),
        receive(ends.client.reader, seeds[3]!),
      )
      assert.equal(gotUp, sentUp, `${up} bytes up`)
      assert.equal(gotDown, sentDown, `${down} bytes down`)
      yield* ends.close()
    })
  }

  testOnLoop(`64 MiB arrive whole over ${name}, while the other half is closed`, function* () {
    const ends = yield* connectEnds(where())
    ends.server.writer.writeEof()
    assert.equal((yield* ends.client.reader.read()).length, 0)
    const [sent, got] = yield* gather(
      send(ends.client.writer, 64 * MIB, new Random(SEED)),
      receive(ends.server.reader, new Random(SEED + 1)),
    )
    assert.equal(got, sent)
    yield* ends.close()
  })

  testOnLoop(`a reset in mid-transfer is an error on both ends, over ${name}`, function* () {
    const ends = yield* connectEnds(where())
    const sending = createTask(send(ends.client.writer, 64 * MIB, new Random(SEED)))
    const first = yield* ends.server.reader.readexactly(100_000)
    assert.equal(first.length, 100_000)
    ends.server.writer.transport.abort()
    const [outcome] = yield* gather([sending], { returnExceptions: true })
    assert.match(String((outcome as NodeJS.ErrnoException).code), /^(ECONNRESET|EPIPE)$/)
    const [read] = yield* gather([ends.client.reader.read()], { returnExceptions: true })
    assert.match(String((read as NodeJS.ErrnoException).code), /^(ECONNRESET|EPIPE)$/)
    yield* ends.close()
  })
}

testOnLoop('a peer that does not read costs the high-water mark and one piece', function* () {
  const ends = yield* connectEnds(transports.TCP!())
  const piece = Buffer.alloc(256 * 1024)
  let written = 0
  const writing = createTask(function* () {
    for (;;) {
      ends.client.writer.write(piece)
      written += piece.length
      yield* ends.client.writer.drain()
    }
  })
  let before = -1
  while (written !== before) {
    before = written
    yield* sleep(20)
  }
  assert.equal(writing.done(), false)
  const unsent = ends.client.writer.transport.getWriteBufferSize()
  assert.ok(unsent <= 64 * 1024 + piece.length, `${unsent} bytes unsent`)
  writing.cancel()
  yield* gather([writing], { returnExceptions: true })
  yield* ends.close()
})
