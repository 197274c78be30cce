// Peers that are slow in one direction or the other: what they send comes whole, what they are sent
// waits within its bounds, and everybody else is served meanwhile. Nothing here measures time: the
// slow peer goes on when the quick one has been served, so that a server held up holds up the test.

import assert from 'node:assert/strict'
import {
  type Coroutine,
  createTask,
  gather,
  getRunningLoop,
  openConnection,
  type Protocol,
  type Server,
  type StreamPair,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
  type Transport,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { portOf } from './pair.js'

/** What those get who ask for much: more than the kernel holds for one connection. */
const PIECE_BYTES = 256 * 1024
const PIECES = 128
const HIGH_BYTES = 64 * 1024
/** A real pause between two bytes, in which the loop has nothing to do but to serve. */
const PAUSE_MS = 20
const ANSWERS_PER_BYTE = 10

/** The server's ends, to look at what waits in them. */
type Accepted = Transport[]

/** Answers a line with itself, and `much` with many pieces first. */
function* answer(reader: StreamReader, writer: StreamWriter, accepted: Accepted): Coroutine<void> {
  accepted.push(writer.transport)
  for (;;) {
    const line = yield* reader.readline()
    if (line.length === 0) break
    for (let left = piecesFor(String(line)); left > 0; left--) {
      writer.write(Buffer.alloc(PIECE_BYTES))
      yield* writer.drain()
    }
    writer.write(line)
    yield* writer.drain()
  }
  writer.close()
}

/** The same with a protocol. */
class Answerer implements Protocol {
  private transport!: Transport
  private text = ''
  private line = ''
  private piecesLeft = 0
  private isPaused = false

  constructor(private readonly accepted: Accepted) {}

  connectionMade(transport: Transport): void {
    this.transport = transport
    this.accepted.push(transport)
  }

  dataReceived(data: Buffer): void {
    // One character for each byte, as a character may come in two pieces.
    this.text += data.toString('latin1')
    this.goOn()
  }

  pauseWriting(): void {
    this.isPaused = true
  }

  resumeWriting(): void {
    this.isPaused = false
    this.goOn()
  }

  private goOn(): void {
    while (!this.isPaused && (this.line !== '' || this.takeLine())) {
      if (this.piecesLeft-- > 0) {
        this.transport.write(Buffer.alloc(PIECE_BYTES))
      } else {
        this.transport.write(Buffer.from(this.line, 'latin1'))
        this.line = ''
      }
    }
  }

  private takeLine(): boolean {
    const end = this.text.indexOf('\n') + 1
    this.line = this.text.slice(0, end)
    this.text = this.text.slice(end)
    this.piecesLeft = piecesFor(this.line)
    return end > 0
  }
}

function piecesFor(line: string): number {
  return line === 'much\n' ? PIECES : 0
}

const servers: Record<string, (accepted: Accepted) => Coroutine<Server>> = {
  streams: function* (accepted) {
    const handler = (reader: StreamReader, writer: StreamWriter) => answer(reader, writer, accepted)
    return yield* startServer(handler, '127.0.0.1', 0)
  },
  protocols: function* (accepted) {
    return yield* getRunningLoop().createServer(() => new Answerer(accepted), '127.0.0.1', 0)
  },
}

/** Asks again and again; `served` counts the answers. */
class QuickClient {
  served = 0

  constructor(private readonly pair: StreamPair) {}

  *ask(): Coroutine<never> {
    const { reader, writer } = this.pair
    for (;;) {
      const line = `question ${this.served}\n`
      writer.write(line)
      assert.equal(String(yield* reader.readline()), line)
      this.served++
    }
  }

  *untilServed(more: number): Coroutine<void> {
    const goal = this.served + more
    while (this.served < goal) yield* sleep(1)
  }
}

/** Runs `body` while another client is served at full speed. */
function* besideAnother(
  serve: (accepted: Accepted) => Coroutine<Server>,
  body: (server: Server, quick: QuickClient, accepted: Accepted) => Coroutine<void>,
): Coroutine<void> {
  const accepted: Accepted = []
  const server = yield* serve(accepted)
  const pair = yield* openConnection('127.0.0.1', portOf(server))
  const quick = new QuickClient(pair)
  const asking = createTask(quick.ask())
  try {
    yield* quick.untilServed(1)
    yield* body(server, quick, accepted)
    assert.equal(asking.done(), false)
  } finally {
    asking.cancel()
    yield* gather([asking], { returnExceptions: true })
    pair.writer.transport.abort()
    server.close()
    server.abortClients()
    yield* server.waitClosed()
  }
}

for (const [kind, serve] of Object.entries(servers)) {
  testOnLoop(`peers that send a byte at a time hold up nobody, with ${kind}`, function* () {
    yield* besideAnother(serve, function* (server, quick) {
      const slowly = function* (line: string): Coroutine<void> {
        const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
        const reading = createTask(reader.readline())
        for (const byte of Buffer.from(line)) {
          assert.equal(reading.done(), false, 'there is no answer to half of a line')
          writer.write(Buffer.of(byte))
          yield* sleep(PAUSE_MS)
          yield* quick.untilServed(ANSWERS_PER_BYTE)
        }
        assert.equal(String(yield* reading), line)
        writer.close()
        yield* writer.waitClosed()
      }
      yield* gather(slowly('slow grün\n'), slowly('slower\n'), slowly('\n'))
    })
  })

  testOnLoop(
    `a peer that stops reading costs little and holds up nobody, with ${kind}`,
    function* () {
      yield* besideAnother(serve, function* (server, quick, accepted) {
        const { reader, writer } = yield* openConnection('127.0.0.1', portOf(server))
        writer.transport.pauseReading()
        writer.write('much\n')
        const transport = () => accepted[1] as Transport
        while (accepted.length < 2 || transport().getWriteBufferSize() <= HIGH_BYTES)
          yield* sleep(1)
        // The kernel's buffers are full now, or nearly: what is taken from here on is little.
        let most = 0
        for (let i = 0; i < 20; i++) {
          yield* quick.untilServed(ANSWERS_PER_BYTE)
          most = Math.max(most, transport().getWriteBufferSize())
        }
        assert.ok(most <= HIGH_BYTES + PIECE_BYTES, `${most} bytes waited`)
        // It took its time, and goes on; nothing was lost.
        writer.transport.resumeReading()
        const answer = yield* reader.readexactly(PIECES * PIECE_BYTES)
        assert.ok(answer.equals(Buffer.alloc(PIECES * PIECE_BYTES)))
        assert.equal(String(yield* reader.readline()), 'much\n')
        writer.close()
        yield* writer.waitClosed()
      })
    },
  )
}
