// Flow control: how much waits to be sent, and when a protocol is told to pause and to go on.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type Coroutine, getRunningLoop, sleep } from 'gyre'
import { testOnLoop } from './on_loop.js'
import { withPair } from './pair.js'
import type { Recorder } from './recorder.js'

const KIB = 1024
const MIB = 1024 * KIB
/** More than the kernel holds for one connection on any system with its usual settings. */
const STUCK_BYTES = 16 * MIB

const keepOpen = { client: { eofReceived: () => true }, accepted: { eofReceived: () => true } }

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

/** Bytes of which no stretch is like another. */
function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    bytes[i] = state >>> 16
  }
  return bytes
}

const flowCalls = ({ calls }: Recorder) => calls.filter((call) => call.endsWith('Writing'))

for (const length of [0, 1, 1000, 16 * KIB, 16 * KIB + 1, 64 * KIB, 300_000, 16 * MIB]) {
  testOnLoop(`a write of ${length} bytes reaches a slow reader whole`, function* () {
    yield* withPair(function* ({ client, accepted }) {
      const sent = pattern(length)
      accepted.transport.pauseReading()
      client.transport.write(sent)
      client.transport.writeEof()
      while (accepted.count('eofReceived') === 0) {
        accepted.transport.resumeReading()
        yield* sleep(1)
        accepted.transport.pauseReading()
        yield* sleep(0)
      }
      assert.equal(accepted.received.length, length)
      assert.equal(sha256(accepted.received), sha256(sent))
    }, keepOpen)
  })
}

testOnLoop('what was written belongs to the caller again when write() returns', function* () {
  for (const length of [1000, 100_000, STUCK_BYTES]) {
    yield* withPair(function* ({ client, accepted }) {
      const memory = pattern(length)
      const expected = sha256(memory)
      accepted.transport.pauseReading()
      client.transport.write(memory)
      memory.fill(0)
      accepted.transport.resumeReading()
      assert.equal(sha256(yield* accepted.untilReceived(length)), expected)
    })
  }
})

testOnLoop('writes of all sizes arrive in the order in which they were made', function* () {
  yield* withPair(function* ({ client, accepted }) {
    const sizes = [1, 20_000, 3, 16 * KIB, 16 * KIB + 1, 5, 70_000, 0, 300_000, 2, 16_000, 16_000]
    const parts = sizes.map((size, index) => Buffer.alloc(size, index + 1))
    const whole = Buffer.concat(parts)
    for (const part of parts) client.transport.write(part)
    assert.equal(sha256(yield* accepted.untilReceived(whole.length)), sha256(whole))
  })
})

testOnLoop('strings go out as UTF-8, and views as the bytes they show', function* () {
  yield* withPair(function* ({ client, accepted }) {
    const { buffer } = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7])
    client.transport.write('grün €')
    client.transport.write(new Uint8Array(buffer, 1, 2))
    client.transport.write(new DataView(buffer, 4, 1))
    client.transport.write(new Uint16Array(buffer, 6, 1))
    client.transport.write(buffer)
    client.transport.writelines(['a', Buffer.from('b')])
    const expected = Buffer.concat([
      Buffer.from('grün €'),
      Buffer.from([1, 2, 4, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]),
      Buffer.from('ab'),
    ])
    assert.deepEqual(yield* accepted.untilReceived(expected.length), expected)
  })
})

testOnLoop('pauseWriting and resumeWriting are called once a crossing, in turns', function* () {
  yield* withPair(function* ({ client, accepted }) {
    for (let round = 1; round <= 3; round++) {
      accepted.transport.pauseReading()
      for (let i = 0; i < 64; i++) client.transport.write(Buffer.alloc(STUCK_BYTES / 64))
      assert.equal(client.count('pauseWriting'), round, 'it is told before write() returns')
      assert.equal(client.count('resumeWriting'), round - 1)
      accepted.transport.resumeReading()
      yield* client.until(() => client.count('resumeWriting') === round)
      assert.ok(client.transport.getWriteBufferSize() <= 16 * KIB)
    }
    const told = Array.from({ length: 3 }, () => ['pauseWriting', 'resumeWriting'])
    assert.deepEqual(flowCalls(client), told.flat())
  })
})

testOnLoop('a small write below the mark pauses nobody', function* () {
  yield* withPair(function* ({ client, accepted }) {
    for (let i = 0; i < 100; i++) {
      client.transport.write(Buffer.alloc(600))
      yield* accepted.untilReceived(600 * (i + 1))
    }
    assert.deepEqual(flowCalls(client), [])
  })
})

testOnLoop('many small writes together cross the mark as one large one does', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    for (let i = 0; i < STUCK_BYTES / KIB; i++) client.transport.write(Buffer.alloc(KIB))
    assert.deepEqual(flowCalls(client), ['pauseWriting'])
    accepted.transport.resumeReading()
    yield* accepted.untilReceived(STUCK_BYTES)
    assert.deepEqual(flowCalls(client), ['pauseWriting', 'resumeWriting'])
  })
})

testOnLoop('getWriteBufferSize counts what the kernel has not taken', function* () {
  yield* withPair(function* ({ client, accepted }) {
    assert.equal(client.transport.getWriteBufferSize(), 0)
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    const size = client.transport.getWriteBufferSize()
    assert.ok(size > 0 && size <= STUCK_BYTES, `${size}`)
    client.transport.write(Buffer.alloc(1000))
    assert.ok(client.transport.getWriteBufferSize() > 1000)
    accepted.transport.resumeReading()
    yield* accepted.untilReceived(STUCK_BYTES + 1000)
    assert.equal(client.transport.getWriteBufferSize(), 0)
  })
})

testOnLoop('abort() drops what waits to be sent at once', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    client.transport.abort()
    assert.equal(client.transport.getWriteBufferSize(), 0)
    assert.equal(yield* client.untilLost(), null)
    accepted.transport.resumeReading()
    yield* accepted.untilLost()
    assert.ok(accepted.received.length < STUCK_BYTES)
  })
})

testOnLoop('close() sends everything that waits before the connection is lost', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write(pattern(STUCK_BYTES))
    client.transport.close()
    yield* sleep(2)
    assert.equal(client.isLost, false, 'there is much to send yet')
    client.transport.write('after close: ignored')
    accepted.transport.resumeReading()
    assert.equal(yield* client.untilLost(), null)
    yield* accepted.untilLost()
    assert.equal(sha256(accepted.received), sha256(pattern(STUCK_BYTES)))
  })
})

testOnLoop('abort() cuts short a close() that is sending', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    client.transport.close()
    yield* sleep(2)
    client.transport.abort()
    assert.equal(yield* client.untilLost(), null)
    assert.equal(client.count('connectionLost'), 1)
  })
})

testOnLoop('writeEof() comes after everything that was written', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    client.transport.writeEof()
    client.transport.writeEof()
    accepted.transport.resumeReading()
    yield* accepted.until(() => accepted.count('eofReceived') === 1)
    assert.equal(accepted.received.length, STUCK_BYTES)
    // The other direction goes on.
    accepted.transport.write('still here')
    assert.equal((yield* client.untilReceived(10)).toString(), 'still here')
    client.transport.close()
    assert.equal(yield* client.untilLost(), null)
  }, keepOpen)
})

testOnLoop('close() after writeEof() with unsent bytes sends them all', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    client.transport.writeEof()
    client.transport.close()
    accepted.transport.resumeReading()
    yield* accepted.until(() => accepted.count('eofReceived') === 1)
    assert.equal(accepted.received.length, STUCK_BYTES)
    assert.equal(yield* client.untilLost(), null)
  }, keepOpen)
})

testOnLoop('the marks are 64 KiB and a quarter of it, until others are set', function* () {
  yield* withPair(function* ({ client }) {
    const { transport } = client
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 16 * KIB, high: 64 * KIB })
    transport.setWriteBufferLimits({ high: 1000 })
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 250, high: 1000 })
    transport.setWriteBufferLimits({ low: 500 })
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 500, high: 2000 })
    transport.setWriteBufferLimits({ high: 10, low: 10 })
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 10, high: 10 })
    transport.setWriteBufferLimits({ high: 0 })
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 0, high: 0 })
    transport.setWriteBufferLimits()
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 16 * KIB, high: 64 * KIB })
  })
})

testOnLoop('marks that make no sense are errors, and change nothing', function* () {
  yield* withPair(function* ({ client }) {
    const { transport } = client
    const bad = [
      { high: 1, low: 2 },
      { high: -1 },
      { low: -1 },
      { high: 1.5 },
      { high: Number.NaN },
    ]
    for (const limits of bad) {
      assert.throws(() => transport.setWriteBufferLimits(limits), {
        name: 'RangeError',
        code: 'ERR_OUT_OF_RANGE',
      })
    }
    const notNumbers = { high: '1' } as unknown as { high: number }
    assert.throws(() => transport.setWriteBufferLimits(notNumbers), { name: 'TypeError' })
    assert.deepEqual(transport.getWriteBufferLimits(), { low: 16 * KIB, high: 64 * KIB })
  })
})

/** Fills the connection until bytes stay behind, and says how many. */
function* stuffed({
  client,
  accepted,
}: {
  client: Recorder
  accepted: Recorder
}): Coroutine<number> {
  accepted.transport.pauseReading()
  client.transport.setWriteBufferLimits({ high: 2 * STUCK_BYTES })
  client.transport.write(Buffer.alloc(STUCK_BYTES))
  yield* sleep(2)
  return client.transport.getWriteBufferSize()
}

testOnLoop('a high mark below what waits pauses at once', function* () {
  yield* withPair(function* (pair) {
    const { client, accepted } = pair
    assert.ok((yield* stuffed(pair)) > 1000)
    assert.deepEqual(flowCalls(client), [])
    client.transport.setWriteBufferLimits({ high: 1000, low: 0 })
    assert.deepEqual(flowCalls(client), ['pauseWriting'])
    accepted.transport.resumeReading()
    yield* client.until(() => client.count('resumeWriting') === 1)
    assert.equal(client.transport.getWriteBufferSize(), 0)
  })
})

testOnLoop('a low mark above what waits lets writing go on', function* () {
  yield* withPair(function* (pair) {
    const { client } = pair
    const waiting = yield* stuffed(pair)
    client.transport.setWriteBufferLimits({ high: 1000, low: 0 })
    assert.deepEqual(flowCalls(client), ['pauseWriting'])
    client.inside(() => client.transport.setWriteBufferLimits({ high: 2 * waiting, low: waiting }))
    assert.deepEqual(client.nested, [])
    yield* client.until(() => client.count('resumeWriting') === 1)
    assert.equal(client.transport.getWriteBufferSize(), waiting)
  })
})

testOnLoop('a high mark of 0 pauses whenever anything waits', function* () {
  yield* withPair(function* ({ client, accepted }) {
    client.transport.setWriteBufferLimits({ high: 0 })
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    assert.deepEqual(flowCalls(client), ['pauseWriting'])
    accepted.transport.resumeReading()
    yield* client.until(() => client.count('resumeWriting') === 1)
    assert.equal(client.transport.getWriteBufferSize(), 0)
  })
})

testOnLoop('resumeWriting is called while close() is sending what waits', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
    client.transport.close()
    accepted.transport.resumeReading()
    yield* client.untilLost()
    const calls = ['pauseWriting', 'resumeWriting', 'connectionLost']
    assert.deepEqual(client.calls.slice(1), calls)
  })
})

testOnLoop('writing on in resumeWriting goes on until all is sent', function* () {
  let left = 4
  const hooks = {
    resumeWriting: () => {
      if (left-- > 0) writer.transport.write(Buffer.alloc(STUCK_BYTES))
    },
  }
  let writer!: Recorder
  yield* withPair(
    function* ({ client, accepted }) {
      writer = client
      client.transport.write(Buffer.alloc(STUCK_BYTES))
      let total = 0
      accepted.transport.setProtocol({
        dataReceived: (data) => {
          total += data.length
          accepted.chunks.length = 0
          accepted.dataReceived(data)
        },
        connectionLost: (error) => accepted.connectionLost(error),
      })
      yield* accepted.until(() => total === 5 * STUCK_BYTES)
      yield* client.until(() => client.count('resumeWriting') === 5)
      assert.equal(client.count('pauseWriting'), 5)
    },
    { client: hooks },
  )
})

for (const size of [1000, 256 * KIB]) {
  testOnLoop(`writing ${size} bytes until it is too much ends, if the peer is gone`, function* () {
    yield* withPair(function* ({ client, accepted }) {
      // What the peer has not read when it goes makes the kernel answer with a reset.
      accepted.transport.pauseReading()
      client.transport.write('unread')
      yield* sleep(5)
      accepted.transport.abort()
      yield* accepted.untilLost()
      let writes = 0
      while (client.count('pauseWriting') === 0 && !client.transport.isClosing()) {
        client.transport.write(Buffer.alloc(size))
        assert.ok(++writes < STUCK_BYTES / size, 'nobody said that it is too much')
      }
      yield* client.untilLost()
      assert.equal(client.transport.getWriteBufferSize(), 0)
    })
  })
}

testOnLoop(
  'what is written between others of one visit counts, though it was not offered yet',
  function* () {
    yield* withPair(function* ({ client, accepted }) {
      const loop = getRunningLoop()
      accepted.transport.pauseReading()
      const { transport } = client
      transport.setWriteBufferLimits({ high: 2 ** 30 })
      // Until the kernel takes nothing more, for some turns.
      for (let quiet = 0; quiet < 5; quiet++) {
        const before = transport.getWriteBufferSize()
        transport.write(Buffer.alloc(10_000))
        yield* sleep(1)
        if (transport.getWriteBufferSize() < before + 10_000) quiet = 0
      }
      const high = transport.getWriteBufferSize() + 50_000
      transport.setWriteBufferLimits({ high })
      const written = loop.createFuture<void>()
      loop.callSoon(() => {
        transport.write(Buffer.alloc(1000))
        // On native this offers all to the kernel, which an entry then tells of, behind the next writes.
        accepted.transport.getWriteBufferSize()
        for (let i = 0; i < 4; i++) transport.write(Buffer.alloc(10_000))
        loop.callSoon(() => {
          transport.write(Buffer.alloc(10_000))
          written.setResult()
        })
      })
      yield* written
      assert.equal(client.count('pauseWriting'), 1)
      assert.ok(transport.getWriteBufferSize() > high)
    })
  },
)
