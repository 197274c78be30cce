// Every operation of a transport in every state it can be in: what it throws, what the transport says
// of itself afterwards, and that the protocol is told of the loss once, last, and never from inside.
//
// The model below is all that is expected; it is smaller than what it is compared with.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Coroutine, getRunningLoop, sleep, type Transport } from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { connectPair, disconnectPair, type Pair } from '../net/pair.js'

const HUGE_BYTES = 12 * 1024 * 1024

/** A file that fills every buffer: zeros, which take no room on the disk. */
const directory = mkdtempSync(join(tmpdir(), 'gyre-matrix-'))
after(() => rmSync(directory, { recursive: true }))
const hugeFile = join(directory, 'huge')
writeFileSync(hugeFile, '')
truncateSync(hugeFile, 5 * HUGE_BYTES)

interface State {
  isClosing: boolean
  isReading: boolean
  isEofWritten: boolean
  /** What writing throws. */
  refusal?: string
}

const OPEN: State = { isClosing: false, isReading: true, isEofWritten: false }
const GONE: State = { isClosing: true, isReading: false, isEofWritten: false }

/** How the client's end gets into each state, and what that state is. */
const states: Record<string, { enter: (pair: Pair) => Coroutine<void>; state: State }> = {
  'an open transport': {
    state: OPEN,
    enter: function* () {},
  },
  'a transport that does not read': {
    state: { ...OPEN, isReading: false },
    enter: function* ({ client }) {
      client.transport.pauseReading()
    },
  },
  'a transport with unsent bytes': {
    state: OPEN,
    enter: function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      client.transport.write(Buffer.alloc(HUGE_BYTES))
      yield* client.until(() => client.count('pauseWriting') === 1)
    },
  },
  'a transport that wrote its end': {
    state: { ...OPEN, isEofWritten: true },
    enter: function* ({ client, accepted }) {
      client.transport.writeEof()
      yield* accepted.until(() => accepted.count('eofReceived') === 1)
    },
  },
  'a transport with its end behind unsent bytes': {
    state: { ...OPEN, isEofWritten: true },
    enter: function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      client.transport.write(Buffer.alloc(HUGE_BYTES))
      client.transport.writeEof()
      yield* sleep(1)
    },
  },
  'a transport that sends a file': {
    state: { ...OPEN, refusal: 'ERR_SENDFILE_IN_PROGRESS' },
    enter: function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      getRunningLoop()
        .sendfile(client.transport, hugeFile)
        .catch(() => {})
      yield* sleep(3)
    },
  },
  'a transport that closes behind a file': {
    state: { ...GONE, refusal: 'ERR_SENDFILE_IN_PROGRESS' },
    enter: function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      getRunningLoop()
        .sendfile(client.transport, hugeFile)
        .catch(() => {})
      yield* sleep(3)
      client.transport.close()
    },
  },
  'a transport whose peer has ended': {
    state: OPEN,
    enter: function* ({ client, accepted }) {
      accepted.transport.writeEof()
      yield* client.until(() => client.count('eofReceived') === 1)
    },
  },
  'a transport that was closed just now': {
    state: GONE,
    enter: function* ({ client }) {
      client.transport.close()
    },
  },
  'a transport that closes behind unsent bytes': {
    state: GONE,
    enter: function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      client.transport.write(Buffer.alloc(HUGE_BYTES))
      client.transport.close()
      yield* sleep(1)
    },
  },
  'a transport that was aborted just now': {
    state: GONE,
    enter: function* ({ client }) {
      client.transport.abort()
    },
  },
  'a transport that wrote its end and was closed': {
    state: { ...GONE, isEofWritten: true },
    enter: function* ({ client }) {
      client.transport.writeEof()
      client.transport.close()
    },
  },
  'a transport that is lost': {
    state: GONE,
    enter: function* ({ client }) {
      client.transport.close()
      yield* client.untilLost()
    },
  },
  'a transport that its peer reset': {
    state: GONE,
    enter: function* ({ client, accepted }) {
      // What the peer has not read when it goes makes the kernel answer with a reset.
      accepted.transport.pauseReading()
      client.transport.write(Buffer.alloc(HUGE_BYTES))
      yield* sleep(1)
      accepted.transport.abort()
      assert.match(String(yield* client.untilLost()), /ECONNRESET|EPIPE/)
    },
  },
}

/** The operations, each with what it makes of the state. */
const operations: Record<
  string,
  { act: (transport: Transport) => unknown; next: (state: State) => State; writes?: boolean }
> = {
  'write a string': { act: (to) => to.write('text'), next: same, writes: true },
  'write nothing': { act: (to) => to.write(''), next: same, writes: true },
  'write a large buffer': {
    act: (to) => to.write(Buffer.alloc(300_000)),
    next: same,
    writes: true,
  },
  writelines: { act: (to) => to.writelines(['a', new Uint8Array(2)]), next: same, writes: true },
  writeEof: {
    act: (to) => to.writeEof(),
    next: (state) => (state.isClosing ? state : { ...state, isEofWritten: true }),
  },
  close: { act: (to) => to.close(), next: gone },
  abort: { act: (to) => to.abort(), next: gone },
  pauseReading: {
    act: (to) => to.pauseReading(),
    next: (state) => ({ ...state, isReading: false }),
  },
  resumeReading: {
    act: (to) => to.resumeReading(),
    next: (state) => ({ ...state, isReading: !state.isClosing }),
  },
  setWriteBufferLimits: { act: (to) => to.setWriteBufferLimits({ high: 10, low: 5 }), next: same },
  getWriteBufferLimits: { act: (to) => to.getWriteBufferLimits(), next: same },
  getWriteBufferSize: {
    act: (to) => assert.ok(Number.isInteger(to.getWriteBufferSize())),
    next: same,
  },
  canWriteEof: { act: (to) => assert.equal(to.canWriteEof(), true), next: same },
  'getExtraInfo of a name': { act: (to) => to.getExtraInfo('peername'), next: same },
  'getExtraInfo of the socket': {
    act: (to) => {
      const socket = to.getExtraInfo('socket')
      socket.setNoDelay(false)
      socket.setNoDelay()
      socket.setKeepAlive(true, 10)
      assert.throws(() => socket.setKeepAlive(true, 40_000), { code: 'ERR_OUT_OF_RANGE' })
      socket.getsockname()
    },
    next: same,
  },
  'getExtraInfo of anything else': {
    act: (to) => assert.equal(to.getExtraInfo('colour', 'none'), 'none'),
    next: same,
  },
  setProtocol: { act: (to) => to.setProtocol(to.getProtocol()), next: same },
}

function same(state: State): State {
  return state
}

function gone(state: State): State {
  return { ...state, isClosing: true, isReading: false }
}

function* inState(stateName: string, body: (pair: Pair) => Coroutine<void>): Coroutine<void> {
  const keepOpen = { eofReceived: () => true }
  const pair = yield* connectPair({ client: keepOpen, accepted: keepOpen })
  yield* states[stateName]!.enter(pair)
  yield* body(pair)
  yield* disconnectPair(pair)
  const { client } = pair
  assert.equal(client.calls[0], 'connectionMade')
  assert.equal(client.calls.at(-1), 'connectionLost')
  assert.equal(client.count('connectionMade'), 1)
  assert.equal(client.count('connectionLost'), 1)
}

for (const [stateName, { state }] of Object.entries(states)) {
  for (const [operationName, { act, next, writes = false }] of Object.entries(operations)) {
    testOnLoop(`${operationName} on ${stateName}`, function* () {
      yield* inState(stateName, function* ({ client }) {
        const { transport } = client
        const code = state.isEofWritten ? 'ERR_WRITE_AFTER_EOF' : state.refusal
        const ends = operationName === 'writeEof' && !state.isClosing && !state.isEofWritten
        if (code !== undefined && (writes || ends)) {
          const refusal = { name: 'RuntimeError', code }
          assert.throws(() => client.inside(() => act(transport)), refusal)
        } else {
          client.inside(() => act(transport))
        }
        const expected = next(state)
        assert.equal(transport.isClosing(), expected.isClosing, 'isClosing()')
        assert.equal(transport.isReading(), expected.isReading, 'isReading()')
        // Writing too much is told at once, in asyncio too; nothing else is.
        const nested = client.nested.filter((call) => call !== 'pauseWriting')
        assert.deepEqual(nested, [])
      })
    })
  }

  testOnLoop(`what is no data is a TypeError on ${stateName}`, function* () {
    yield* inState(stateName, function* ({ client }) {
      for (const data of [undefined, null, 5, {}, [1, 2]]) {
        assert.throws(() => client.transport.write(data as unknown as string), {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
        })
      }
    })
  })
}
