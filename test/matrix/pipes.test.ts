// Every operation of the transports of a pipe in every state they can be in: what it throws, what the
// transport says of itself afterwards, that the protocol is told of the loss once, last, and never
// from inside, and that the descriptor is closed in the end.

import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { type Coroutine, getRunningLoop, sleep, type Transport } from 'gyre'
import { type Fifo, withFifo } from '../net/fifo.js'
import { testOnLoop } from '../net/on_loop.js'
import { Recorder } from '../net/recorder.js'

const UNSENT_BYTES = 1024 * 1024

interface State {
  isClosing: boolean
  isReading: boolean
}

const WRITING: State = { isClosing: false, isReading: false }
const READING: State = { isClosing: false, isReading: true }
const GONE: State = { isClosing: true, isReading: false }

type Enter = (end: Recorder, fifo: Fifo) => Coroutine<void>

interface Operation {
  act: (transport: Transport) => unknown
  next?: (state: State) => State
  /** What it throws on a pipe of the given direction. */
  refusal?: Partial<Record<Direction, string>>
}

type Direction = 'read' | 'write'

const writerStates: Record<string, { state: State; enter: Enter }> = {
  'an open writer': { state: WRITING, enter: function* () {} },
  'a writer with unsent bytes': {
    state: WRITING,
    enter: function* ({ transport }) {
      transport.write(Buffer.alloc(UNSENT_BYTES))
    },
  },
  'a writer that wrote its end': {
    state: GONE,
    enter: function* ({ transport }) {
      transport.writeEof()
    },
  },
  'a writer with its end behind unsent bytes': {
    state: GONE,
    enter: function* ({ transport }) {
      transport.write(Buffer.alloc(UNSENT_BYTES))
      transport.writeEof()
      yield* sleep(1)
    },
  },
  'a writer that was closed just now': {
    state: GONE,
    enter: function* ({ transport }) {
      transport.close()
    },
  },
  'a writer that was aborted just now': {
    state: GONE,
    enter: function* ({ transport }) {
      transport.write(Buffer.alloc(UNSENT_BYTES))
      transport.abort()
    },
  },
  'a writer that is lost': {
    state: GONE,
    enter: function* (end) {
      end.transport.close()
      assert.equal(yield* end.untilLost(), null)
    },
  },
  'a writer whose reader went away': {
    state: GONE,
    enter: function* (end, fifo) {
      end.transport.write(Buffer.alloc(UNSENT_BYTES))
      yield* sleep(1)
      fifo.close(fifo.readEnd)
      const error = (yield* end.untilLost()) as NodeJS.ErrnoException
      assert.equal(error.code, 'EPIPE')
    },
  },
}

const readerStates: Record<string, { state: State; enter: Enter }> = {
  'an open reader': { state: READING, enter: function* () {} },
  'a reader that does not read': {
    state: WRITING,
    enter: function* ({ transport }) {
      transport.pauseReading()
    },
  },
  'a reader that has read': {
    state: READING,
    enter: function* (end, fifo) {
      writeSync(fifo.writeEnd, 'hello')
      assert.equal(String(yield* end.untilReceived(5)), 'hello')
    },
  },
  'a reader that does not read what is there': {
    state: WRITING,
    enter: function* ({ transport }, fifo) {
      transport.pauseReading()
      writeSync(fifo.writeEnd, 'unread')
      fifo.close(fifo.writeEnd)
      yield* sleep(1)
    },
  },
  'a reader that was closed just now': {
    state: GONE,
    enter: function* ({ transport }) {
      transport.close()
    },
  },
  'a reader that was aborted just now': {
    state: GONE,
    enter: function* ({ transport }) {
      transport.abort()
    },
  },
  'a reader that is lost': {
    state: GONE,
    enter: function* (end) {
      end.transport.close()
      assert.equal(yield* end.untilLost(), null)
    },
  },
  'a reader whose writer went away': {
    state: GONE,
    enter: function* (end, fifo) {
      fifo.close(fifo.writeEnd)
      assert.equal(yield* end.untilLost(), null)
      assert.equal(end.count('eofReceived'), 1)
    },
  },
}

const READ_ONLY = { read: 'ERR_READ_ONLY_PIPE' }
const NO_DATA = { read: 'ERR_READ_ONLY_PIPE', write: 'ERR_INVALID_ARG_TYPE' }

const operations: Record<string, Operation> = {
  'write a string': { act: (to) => to.write('text'), refusal: READ_ONLY },
  'write nothing': { act: (to) => to.write(''), refusal: READ_ONLY },
  'write a large buffer': { act: (to) => to.write(Buffer.alloc(300_000)), refusal: READ_ONLY },
  'write what is no data': { act: (to) => to.write(5 as unknown as string), refusal: NO_DATA },
  writelines: { act: (to) => to.writelines(['a', new Uint8Array(2)]), refusal: READ_ONLY },
  writeEof: { act: (to) => to.writeEof(), next: () => GONE, refusal: READ_ONLY },
  close: { act: (to) => to.close(), next: () => GONE },
  'close twice': {
    act: (to) => {
      to.close()
      to.close()
    },
    next: () => GONE,
  },
  abort: { act: (to) => to.abort(), next: () => GONE },
  pauseReading: {
    act: (to) => to.pauseReading(),
    next: (state) => ({ ...state, isReading: false }),
  },
  setWriteBufferLimits: { act: (to) => to.setWriteBufferLimits({ high: 10, low: 5 }) },
  getWriteBufferLimits: {
    act: (to) => assert.deepEqual(to.getWriteBufferLimits(), { high: 65_536, low: 16_384 }),
  },
  getWriteBufferSize: {
    act: (to) => {
      const size = to.getWriteBufferSize()
      assert.ok(Number.isInteger(size) && size >= 0 && size <= UNSENT_BYTES, `${size}`)
    },
  },
  'getExtraInfo of names that a pipe has not': {
    act: (to) => {
      assert.equal(to.getExtraInfo('peername'), null)
      assert.equal(to.getExtraInfo('sockname'), null)
      assert.equal(to.getExtraInfo('colour', 'none'), 'none')
    },
  },
  'setProtocol to the same': { act: (to) => to.setProtocol(to.getProtocol()) },
  'setProtocol to nothing': {
    act: (to) => to.setProtocol(null as never),
    refusal: { read: 'ERR_INVALID_ARG_TYPE', write: 'ERR_INVALID_ARG_TYPE' },
  },
}

/** Runs `body` with a pipe's end in the state that `enter` makes; then all of it has to be over. */
function* withEnd(
  direction: Direction,
  enter: Enter,
  body: (end: Recorder, fd: number) => Coroutine<void>,
): Coroutine<void> {
  yield* withFifo(function* (fifo) {
    const loop = getRunningLoop()
    const end = new Recorder()
    const fd = fifo.handOver(direction === 'read' ? fifo.readEnd : fifo.writeEnd)
    if (direction === 'read') yield* loop.connectReadPipe(() => end, fd)
    else yield* loop.connectWritePipe(() => end, fd)
    yield* enter(end, fifo)
    yield* body(end, fd)
    end.transport.abort()
    yield* end.untilLost()
    assert.equal(fifo.isOpen(fd), false, 'the descriptor is closed')
    assert.equal(end.calls[0], 'connectionMade')
    assert.equal(end.calls.at(-1), 'connectionLost')
    assert.equal(end.count('connectionMade'), 1)
    assert.equal(end.count('connectionLost'), 1)
  })
}

for (const [direction, states] of [
  ['write', writerStates],
  ['read', readerStates],
] as const) {
  for (const [stateName, { state, enter }] of Object.entries(states)) {
    for (const [name, { act, next = same, refusal = {} }] of Object.entries(operations)) {
      testOnLoop(`${name} on ${stateName}`, function* () {
        yield* withEnd(direction, enter, function* (end) {
          const { transport } = end
          const code = refusal[direction]
          const run = () => end.inside(() => act(transport))
          if (code === undefined) run()
          else assert.throws(run, { code })
          const expected = code === undefined ? next(state) : state
          assert.equal(transport.isClosing(), expected.isClosing, 'isClosing()')
          assert.equal(transport.isReading(), expected.isReading, 'isReading()')
          // Writing too much is told at once, in asyncio too; nothing else is.
          const nested = end.nested.filter((call) => call !== 'pauseWriting')
          assert.deepEqual(nested, [])
        })
      })
    }

    testOnLoop(`resumeReading on ${stateName}`, function* () {
      yield* withEnd(direction, enter, function* (end) {
        end.inside(() => end.transport.resumeReading())
        assert.deepEqual(end.nested, [])
        assert.equal(end.transport.isReading(), direction === 'read' && !state.isClosing)
        assert.equal(end.transport.canWriteEof(), direction === 'write')
        // What was there all along comes now, and behind it the end.
        if (stateName !== 'a reader that does not read what is there') return
        assert.equal(yield* end.untilLost(), null)
        assert.equal(String(end.received), 'unread')
      })
    })

    testOnLoop(`the pipe is the same on ${stateName}`, function* () {
      yield* withEnd(direction, enter, function* (end, fd) {
        assert.equal(end.transport.getExtraInfo<number>('pipe'), fd)
      })
    })
  }
}

function same(state: State): State {
  return state
}
