// Transfers in both directions at once, of random sizes in random pieces, compared by hash; also between
// Gyre and node:net.

import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import net from 'node:net'
import {
  type Coroutine,
  Future,
  gather,
  getRunningLoop,
  openConnection,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'

const base = Number(process.env.GYRE_TEST_SEED ?? Date.now() % 1_000_000)

/** A generator of pseudo-random bytes and numbers (xorshift), so that a seed repeats a run. */
class Source {
  private state: number

  constructor(seed: number) {
    this.state = (seed * 2_654_435_761) | 1
  }

  next(): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return this.state >>> 0
  }

  below(bound: number): number {
    return this.next() % bound
  }

  bytes(length: number): Buffer {
    const words = new Uint32Array((length >> 2) + 1)
    for (let i = 0; i < words.length; i++) words[i] = this.next()
    return Buffer.from(words.buffer, 0, length)
  }

  /** Mostly small, sometimes large. */
  length(): number {
    const kind = this.below(10)
    if (kind < 5) return this.below(300)
    return kind < 9 ? this.below(40_000) : this.below(1_500_000)
  }
}

/** Sends `count` pieces and the end, with a hash of everything. */
function* send(writer: StreamWriter, source: Source, count: number): Coroutine<string> {
  const hash = createHash('sha256')
  for (let i = 0; i < count; i++) {
    const piece = source.bytes(source.length())
    hash.update(piece)
    writer.write(piece)
    if (source.below(3) === 0) yield* writer.drain()
    if (source.below(10) === 0) yield* sleep(0)
  }
  writer.writeEof()
  return hash.digest('hex')
}

function* receive(reader: StreamReader, source: Source): Coroutine<string> {
  const hash = createHash('sha256')
  for (;;) {
    const chunk = yield* reader.read(1 + source.below(100_000))
    if (chunk.length === 0) return hash.digest('hex')
    hash.update(chunk)
    if (source.below(20) === 0) yield* sleep(source.below(2))
  }
}

function* exchange(
  { reader, writer }: { reader: StreamReader; writer: StreamWriter },
  seed: number,
): Coroutine<{ sent: string; received: string }> {
  const [sent, received] = yield* gather(
    send(writer, new Source(seed), 60),
    receive(reader, new Source(seed + 1)),
  )
  writer.close()
  yield* writer.waitClosed()
  return { sent, received }
}

for (let round = 0; round < 4; round++) {
  const seed = base + round * 10
  testOnLoop(`both directions at once carry every byte (seed ${seed})`, function* () {
    const loop = getRunningLoop()
    const theirs = new Future<{ sent: string; received: string }>(loop)
    const handler = function* (reader: StreamReader, writer: StreamWriter): Coroutine<void> {
      theirs.setResult(yield* exchange({ reader, writer }, seed + 3))
    }
    const server = yield* startServer(handler, '127.0.0.1', 0)
    const ours = yield* exchange(yield* openConnection('127.0.0.1', portOf(server)), seed + 6)
    const { sent, received } = yield* theirs
    assert.deepEqual(ours, { sent: received, received: sent })
    server.close()
    yield* server.waitClosed()
  })
}

// --- node:net as the peer -----------------------------------------------------------------------

/** Sends from `source` as fast as the socket takes it, then the end. */
function pour(socket: net.Socket, source: Source, count: number): Hash {
  const hash = createHash('sha256')
  let left = count
  const go = (): void => {
    while (left-- > 0) {
      const piece = source.bytes(source.length())
      hash.update(piece)
      if (!socket.write(piece)) {
        socket.once('drain', go)
        return
      }
    }
    socket.end()
  }
  go()
  return hash
}

/** What a node:net socket sent and received when it is closed, told to `done`. */
function converse(socket: net.Socket, seed: number, done: Future<[string, string]>): void {
  const received = createHash('sha256')
  socket.on('data', (chunk) => received.update(chunk))
  const sent = pour(socket, new Source(seed), 60)
  socket.on('error', (error) => done.setException(error))
  socket.on('close', () => {
    if (!done.done()) done.setResult([sent.digest('hex'), received.digest('hex')])
  })
}

testOnLoop(
  `a client of node:net and a server of Gyre understand each other (seed ${base})`,
  function* () {
    const loop = getRunningLoop()
    const ours = new Future<{ sent: string; received: string }>(loop)
    const handler = function* (reader: StreamReader, writer: StreamWriter): Coroutine<void> {
      ours.setResult(yield* exchange({ reader, writer }, base))
    }
    const server = yield* startServer(handler, '127.0.0.1', 0)
    const theirs = new Future<[string, string]>(loop)
    converse(net.connect({ port: portOf(server), allowHalfOpen: true }), base + 1, theirs)
    const { sent, received } = yield* ours
    assert.deepEqual(yield* theirs, [received, sent])
    server.close()
    yield* server.waitClosed()
  },
)

testOnLoop(
  `a server of node:net and a client of Gyre understand each other (seed ${base})`,
  function* () {
    const loop = getRunningLoop()
    const theirs = new Future<[string, string]>(loop)
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      converse(socket, base + 2, theirs)
    })
    const listening = new Future<void>(loop)
    server.listen(0, '127.0.0.1', () => listening.setResult(undefined))
    yield* listening
    const { port } = server.address() as net.AddressInfo
    const { sent, received } = yield* exchange(yield* openConnection('127.0.0.1', port), base + 3)
    assert.deepEqual(yield* theirs, [received, sent])
    server.close()
  },
)
