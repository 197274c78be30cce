// StreamReader by itself, fed by hand: what each way of reading gives for which data, the limit, and the
// pausing of a transport. A random part compares it with the obvious model.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  createTask,
  gather,
  IncompleteReadError,
  LimitOverrunError,
  type Operation,
  run,
  StreamReader,
  sleep,
  wait,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf } from '../thrown.js'
import { testOnLoop } from './on_loop.js'

/** A transport of which only the pausing counts. */
class Valve {
  readonly calls: string[] = []

  pauseReading(): void {
    this.calls.push('pause')
  }

  resumeReading(): void {
    this.calls.push('resume')
  }
}

function fed(data: string, { limit, ended = false }: { limit?: number; ended?: boolean } = {}) {
  const reader = new StreamReader(limit === undefined ? {} : { limit })
  if (data !== '') reader.feedData(Buffer.from(data))
  if (ended) reader.feedEof()
  return reader
}

function* text(read: Operation<Buffer>) {
  return (yield* read).toString()
}

testOnLoop('read(n) gives what is there, at most n bytes', function* () {
  const reader = fed('abcdef')
  assert.equal(yield* text(reader.read(4)), 'abcd')
  assert.equal(yield* text(reader.read(100)), 'ef')
  assert.equal(yield* text(reader.read(0)), '')
})

testOnLoop('read(n) waits for the first byte, and no longer', function* () {
  const reader = fed('')
  const reading = createTask(reader.read(10))
  yield* sleep(0)
  assert.equal(reading.done(), false)
  reader.feedData(Buffer.from('xy'))
  assert.equal((yield* reading).toString(), 'xy')
})

testOnLoop('read() gives everything up to the end', function* () {
  const reader = fed('one ')
  const reading = createTask(reader.read())
  yield* sleep(0)
  reader.feedData(Buffer.from('two'))
  yield* sleep(0)
  assert.equal(reading.done(), false)
  reader.feedEof()
  assert.equal((yield* reading).toString(), 'one two')
  assert.equal(yield* text(reader.read()), '')
})

testOnLoop('readline gives lines with their newlines, then the rest, then nothing', function* () {
  const reader = fed('one\n\ntwo\nrest', { ended: true })
  const lines: string[] = []
  for (let i = 0; i < 5; i++) lines.push(yield* text(reader.readline()))
  assert.deepEqual(lines, ['one\n', '\n', 'two\n', 'rest', ''])
  assert.equal(reader.atEof(), true)
})

testOnLoop('readexactly gives n bytes, and throws with what came if it ends before', function* () {
  const reader = fed('abcdefg', { ended: true })
  assert.equal(yield* text(reader.readexactly(0)), '')
  assert.equal(yield* text(reader.readexactly(3)), 'abc')
  const error = yield* failure(reader.readexactly(9))
  assert.ok(error instanceof IncompleteReadError)
  assert.equal(Buffer.from(error.partial).toString(), 'defg')
  assert.equal(error.expected, 9)
  assert.equal(error.code, 'ERR_INCOMPLETE_READ')
  assert.equal(error.message, '4 bytes read on a total of 9 expected bytes')
  assert.equal(yield* text(reader.read()), '')
})

testOnLoop('readuntil finds separators of several bytes, also in pieces', function* () {
  const reader = fed('head\r')
  const reading = createTask(reader.readuntil('\r\n\r\n'))
  yield* sleep(0)
  reader.feedData(Buffer.from('\n'))
  yield* sleep(0)
  reader.feedData(Buffer.from('\r'))
  yield* sleep(0)
  assert.equal(reading.done(), false)
  reader.feedData(Buffer.from('\nbody'))
  assert.equal((yield* reading).toString(), 'head\r\n\r\n')
  assert.equal(yield* text(reader.read(100)), 'body')
})

testOnLoop('readuntil of several separators ends at the one that ends first', function* () {
  const reader = new StreamReader()
  reader.feedData(Buffer.from('some data\r\nmore\nrest'))
  assert.equal(yield* text(reader.readuntil(['\r', Buffer.from('\n')])), 'some data\r')
  assert.equal(yield* text(reader.readuntil(['\n', '\r\n'])), '\n')
  assert.equal(yield* text(reader.readuntil(['re', 'more'])), 'more')
  // The longer one begins before what was looked through, and the shorter one comes first.
  const reading = createTask(reader.readuntil(['xyz', 'stuv']))
  yield* sleep(0)
  for (const part of ['s', 't', 'u', 'v', 'xyz']) {
    reader.feedData(Buffer.from(part))
    yield* sleep(0)
  }
  assert.equal((yield* reading).toString(), '\nreststuv')
  assert.equal(yield* text(reader.readuntil(['xyz'])), 'xyz')
  for (const wrong of [[], [''], ['a', '']]) {
    assert.throws(() => reader.readuntil(wrong), { code: 'ERR_OUT_OF_RANGE' })
  }
  assert.throws(() => reader.readuntil([5] as never), { code: 'ERR_INVALID_ARG_TYPE' })
})

testOnLoop(
  'readuntil of several separators keeps to the limit, as asyncio 3.13 does',
  function* () {
    const reader = new StreamReader({ limit: 3 })
    reader.feedData(Buffer.from('some dataA'))
    const found = yield* failure(reader.readuntil(['ome dataA', 'A']))
    assert.ok(found instanceof LimitOverrunError)
    assert.match(found.message, /is found/)
    const missing = yield* failure(reader.readuntil(['B', 'CCC']))
    assert.ok(missing instanceof LimitOverrunError)
    assert.equal(missing.consumed, 8)
  },
)

testOnLoop('readuntil that ends before the separator throws with what came', function* () {
  const reader = fed('no end', { ended: true })
  const error = yield* failure(reader.readuntil(Buffer.from(';')))
  assert.ok(error instanceof IncompleteReadError)
  assert.equal(Buffer.from(error.partial).toString(), 'no end')
  assert.equal(error.expected, null)
})

testOnLoop('readuntil beyond the limit throws, and leaves the data where it is', function* () {
  const found = fed('abcdefgh;rest', { limit: 5 })
  const error = yield* failure(found.readuntil(';'))
  assert.ok(error instanceof LimitOverrunError)
  assert.equal(error.consumed, 8)
  assert.equal(error.code, 'ERR_LIMIT_OVERRUN')
  assert.equal(yield* text(found.readexactly(13)), 'abcdefgh;rest')

  const missing = fed('abcdefgh', { limit: 5 })
  const other = yield* failure(missing.readuntil(';;'))
  assert.ok(other instanceof LimitOverrunError)
  assert.equal(other.consumed, 7)
  assert.equal(yield* text(missing.readexactly(8)), 'abcdefgh')
})

testOnLoop('a separator right at the limit is within it', function* () {
  const reader = fed('abcde;', { limit: 5 })
  assert.equal(yield* text(reader.readuntil(';')), 'abcde;')
})

testOnLoop('readline beyond the limit throws, and discards the line alone', function* () {
  const reader = fed('much too long\nshort\n', { limit: 6 })
  assert.ok((yield* failure(reader.readline())) instanceof LimitOverrunError)
  assert.equal(yield* text(reader.readline()), 'short\n')
})

testOnLoop('readline beyond the limit without a newline discards what is there', function* () {
  const reader = fed('much too long', { limit: 6 })
  assert.ok((yield* failure(reader.readline())) instanceof LimitOverrunError)
  reader.feedData(Buffer.from(' end\nnext\n'))
  assert.equal(yield* text(reader.readline()), ' end\n')
  assert.equal(yield* text(reader.readline()), 'next\n')
})

testOnLoop(
  'more than twice the limit pauses the transport, up to the limit resumes it',
  function* () {
    const valve = new Valve()
    const reader = new StreamReader({ limit: 100 })
    reader.setTransport(valve)
    reader.feedData(Buffer.alloc(200))
    assert.deepEqual(valve.calls, [])
    reader.feedData(Buffer.alloc(1))
    assert.deepEqual(valve.calls, ['pause'])
    reader.feedData(Buffer.alloc(50))
    yield* reader.readexactly(150)
    assert.deepEqual(valve.calls, ['pause'])
    yield* reader.readexactly(1)
    assert.deepEqual(valve.calls, ['pause', 'resume'])
    reader.feedData(Buffer.alloc(101))
    assert.deepEqual(valve.calls, ['pause', 'resume', 'pause'])
  },
)

testOnLoop('waiting for more than is held resumes a paused transport', function* () {
  const valve = new Valve()
  const reader = new StreamReader({ limit: 10 })
  reader.setTransport(valve)
  reader.feedData(Buffer.alloc(21))
  const reading = createTask(reader.readexactly(30))
  yield* sleep(0)
  assert.deepEqual(valve.calls, ['pause', 'resume'])
  reader.feedData(Buffer.alloc(9))
  assert.equal((yield* reading).length, 30)
})

testOnLoop(
  'a second coroutine that waits for data is told so, and the first goes on',
  function* () {
    const methods = ['read', 'readexactly', 'readline', 'readuntil'] as const
    for (const method of methods) {
      const reader = fed('')
      const first = createTask(reader.readexactly(1))
      yield* sleep(0)
      const error = yield* failure(method === 'readuntil' ? reader[method](';') : reader[method](5))
      assert.equal(error.code, 'ERR_CONCURRENT_READ')
      const name = method === 'readline' ? 'readuntil' : method
      assert.match(String(error), new RegExp(`^RuntimeError: ${name}\\(\\) called while another`))
      reader.feedData(Buffer.from('x'))
      assert.equal((yield* first).toString(), 'x')
    }
  },
)

testOnLoop('a cancelled read loses no data', function* () {
  const reader = fed('')
  const reading = createTask(reader.readexactly(4))
  yield* sleep(0)
  reader.feedData(Buffer.from('ab'))
  reading.cancel()
  yield* gather([reading], { returnExceptions: true })
  assert.equal(reading.cancelled(), true)
  reader.feedData(Buffer.from('cd'))
  assert.equal(yield* text(reader.readexactly(4)), 'abcd')
})

testOnLoop('a read that is never waited for reads nothing', function* () {
  const reader = fed('abc')
  reader.read(2)
  assert.equal(yield* text(reader.read(3)), 'abc')
})

testOnLoop('an exception reaches who waits, and every later read', function* () {
  const reader = fed('')
  assert.equal(reader.exception(), null)
  const reading = createTask(reader.readline())
  yield* sleep(0)
  const broken = new Error('broken')
  reader.setException(broken)
  assert.equal(yield* failure(reading), broken)
  assert.equal(reader.exception(), broken)
  for (const read of [reader.read(1), reader.read(), reader.readexactly(1), reader.readline()]) {
    assert.equal(yield* failure(read), broken)
  }
})

testOnLoop('atEof is true when the end has come and all is read', function* () {
  const reader = fed('ab', { ended: true })
  assert.equal(reader.atEof(), false)
  yield* reader.read(1)
  assert.equal(reader.atEof(), false)
  yield* reader.read(1)
  assert.equal(reader.atEof(), true)
})

test('for await gives the chunks until the end', async () => {
  await run(async () => {
    const reader = fed('one')
    const chunks: string[] = []
    const reading = createTask(async () => {
      for await (const chunk of reader) chunks.push(chunk.toString())
    })
    await sleep(0)
    reader.feedData(Buffer.from('two'))
    await sleep(1)
    reader.feedEof()
    await reading
    assert.equal(chunks.join(''), 'onetwo')
  })
})

testOnLoop('what is fed is copied', function* () {
  const memory = Buffer.from('before')
  const reader = new StreamReader()
  reader.feedData(memory)
  memory.fill('x')
  assert.equal(yield* text(reader.read(100)), 'before')
})

testOnLoop('bad arguments are errors at once', function* () {
  const reader = fed('abc')
  assert.throws(() => reader.read(-2), { name: 'RangeError' })
  assert.throws(() => reader.read(1.5), { name: 'RangeError' })
  assert.throws(() => reader.read('1' as unknown as number), { name: 'TypeError' })
  assert.throws(() => reader.readexactly(-1), { name: 'RangeError' })
  assert.throws(() => reader.readexactly(Number.NaN), { name: 'RangeError' })
  assert.throws(() => reader.readuntil(''), { name: 'RangeError' })
  assert.throws(() => reader.readuntil(5 as unknown as string), { name: 'TypeError' })
  assert.throws(() => new StreamReader({ limit: 0 }), { name: 'RangeError' })
  assert.throws(() => new StreamReader({ limit: '1' as unknown as number }), { name: 'TypeError' })
  assert.equal(yield* text(reader.read(3)), 'abc')
})

function* failure(read: Iterable<unknown> & PromiseLike<unknown>) {
  const [outcome] = yield* gather([read as Operation<unknown>], { returnExceptions: true })
  assert.ok(outcome instanceof Error, `it gave ${outcome}`)
  return outcome as NodeJS.ErrnoException
}

// --- Against the obvious model ----------------------------------------------------------------

/** A small generator of random numbers (mulberry32), so that a seed repeats a run. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

type Request =
  | { kind: 'exactly'; count: number }
  | { kind: 'until'; separator: string }
  | { kind: 'line' }

/** What a request takes from `rest`, and whether that is all it asked for. */
function model(rest: string, request: Request): { taken: string; isComplete: boolean } {
  if (request.kind === 'exactly') {
    const taken = rest.slice(0, request.count)
    return { taken, isComplete: taken.length === request.count }
  }
  const separator = request.kind === 'line' ? '\n' : request.separator
  const found = rest.indexOf(separator)
  if (found >= 0) return { taken: rest.slice(0, found + separator.length), isComplete: true }
  return { taken: rest, isComplete: request.kind === 'line' }
}

const base = Number(process.env.GYRE_TEST_SEED ?? Date.now() % 1_000_000)

test(`random requests on random chunks give what the text holds (seed ${base})`, async () => {
  for (let round = 0; round < 300; round++) await compare(base + round)
})

async function compare(seed: number): Promise<void> {
  const random = randomFrom(seed)
  // Few different characters, so that separators are found, and almost found, often.
  const whole = Array.from({ length: random(400) }, () => 'ab;\n'[random(4)]).join('')
  const requests = Array.from({ length: 60 }, (): Request => {
    const kind = random(3)
    if (kind === 0) return { kind: 'exactly', count: random(30) }
    if (kind === 1)
      return { kind: 'until', separator: [';', 'ab', ';\n', 'aba', 'bb;a'][random(5)]! }
    return { kind: 'line' }
  })
  await runVirtual(function* () {
    const reader = new StreamReader()
    createTask(function* () {
      for (let at = 0; at < whole.length; ) {
        const length = 1 + random(20)
        reader.feedData(Buffer.from(whole.slice(at, at + length)))
        at += length
        if (random(3) > 0) yield* sleep(random(2))
      }
      reader.feedEof()
    })
    let rest = whole
    for (const request of requests) {
      const { taken, isComplete } = model(rest, request)
      const outcome = yield* outcomeOf(reader, request)
      assert.deepEqual(outcome, { taken, isComplete }, `seed ${seed}`)
      rest = rest.slice(taken.length)
    }
  })
}

function* outcomeOf(reader: StreamReader, request: Request) {
  try {
    if (request.kind === 'line') return { taken: yield* text(reader.readline()), isComplete: true }
    const read =
      request.kind === 'exactly'
        ? reader.readexactly(request.count)
        : reader.readuntil(request.separator)
    return { taken: yield* text(read), isComplete: true }
  } catch (error) {
    if (!(error instanceof IncompleteReadError)) throw error
    return { taken: Buffer.from(error.partial).toString(), isComplete: false }
  }
}

testOnLoop('a read is waited for once', function* () {
  const reader = fed('some bytes\n')
  for (const read of [reader.read(2), reader.readexactly(2), reader.readline()]) {
    yield* read
    try {
      yield* read
    } catch (error) {
      assert.equal(codeOf(error), 'ERR_OPERATION_REUSED')
      continue
    }
    assert.fail('it was waited for twice')
  }
})

testOnLoop('a read that is cancelled takes nothing from the next', function* () {
  const reader = fed('')
  for (const read of [() => reader.read(4), () => reader.readexactly(4)]) {
    const task = createTask(read())
    yield* sleep(0)
    task.cancel()
    yield* wait([task])
    assert.ok(task.cancelled())
    const next = createTask(read())
    yield* sleep(0)
    reader.feedData(Buffer.from('data'))
    assert.equal(String(yield* next), 'data')
  }
})

testOnLoop('a reader that fails wakes who waits in read and in readexactly', function* () {
  for (const wakes of [
    (reader: StreamReader) => reader.read(4),
    (reader: StreamReader) => reader.readexactly(4),
  ]) {
    const reader = fed('')
    const task = createTask(wakes(reader))
    yield* sleep(0)
    const broken = new Error('broken')
    reader.setException(broken)
    yield* wait([task])
    assert.equal(task.exception(), broken)
  }
})
