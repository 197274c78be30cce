// Pausing and resuming what a protocol is given, and the memory it is given it in.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { backendInfo, type Coroutine, StreamReader, sleep } from 'gyre'
import { testOnLoop } from './on_loop.js'
import { withPair } from './pair.js'
import type { Recorder } from './recorder.js'

const keepOpen = { client: { eofReceived: () => true }, accepted: { eofReceived: () => true } }

function* settle(): Coroutine<void> {
  for (let turn = 0; turn < 10; turn++) yield* sleep(1)
}

/** Replaces what the protocol does with data, and keeps the rest. */
function onData(recorder: Recorder, dataReceived: (data: Buffer) => void): void {
  recorder.transport.setProtocol({
    dataReceived,
    eofReceived: () => recorder.eofReceived(),
    connectionLost: (error) => recorder.connectionLost(error),
  })
}

testOnLoop(
  'nothing is given between pauseReading and resumeReading, and nothing is lost',
  function* () {
    yield* withPair(function* ({ client, accepted }) {
      for (const text of ['first', 'second', 'third']) {
        const before = accepted.received.length
        accepted.transport.pauseReading()
        accepted.transport.pauseReading()
        assert.equal(accepted.transport.isReading(), false)
        client.transport.write(text)
        yield* settle()
        assert.equal(accepted.received.length, before)
        accepted.transport.resumeReading()
        accepted.transport.resumeReading()
        assert.equal(accepted.transport.isReading(), true)
        yield* accepted.untilReceived(before + text.length)
      }
      assert.equal(accepted.received.toString(), 'firstsecondthird')
    })
  },
)

testOnLoop('the end of the data waits for resumeReading too', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write('last')
    client.transport.writeEof()
    yield* settle()
    assert.deepEqual(accepted.calls, ['connectionMade'])
    accepted.transport.resumeReading()
    yield* accepted.until(() => accepted.count('eofReceived') === 1)
    assert.equal(accepted.received.toString(), 'last')
  }, keepOpen)
})

testOnLoop('pausing in connectionMade holds back the first bytes', function* () {
  const hooks = {
    accepted: {
      connectionMade: (transport: { pauseReading(): void }) => transport.pauseReading(),
    },
  }
  yield* withPair(function* ({ client, accepted }) {
    client.transport.write('early')
    yield* settle()
    assert.equal(accepted.received.length, 0)
    accepted.transport.resumeReading()
    assert.equal((yield* accepted.untilReceived(5)).toString(), 'early')
  }, hooks)
})

testOnLoop(
  'pausing in dataReceived at each chunk gives one chunk at a time, in order',
  function* () {
    yield* withPair(function* ({ client, accepted }) {
      const whole = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 251))
      const hash = createHash('sha256')
      let length = 0
      let isPaused = false
      onData(accepted, (data) => {
        assert.equal(isPaused, false, 'it is given nothing while it pauses')
        hash.update(data)
        length += data.length
        isPaused = true
        accepted.transport.pauseReading()
      })
      for (let at = 0; at < whole.length; at += 7001)
        client.transport.write(whole.subarray(at, at + 7001))
      client.transport.writeEof()
      while (accepted.count('eofReceived') === 0) {
        yield* sleep(0)
        isPaused = false
        accepted.transport.resumeReading()
      }
      assert.equal(length, whole.length)
      assert.equal(hash.digest('hex'), createHash('sha256').update(whole).digest('hex'))
    }, keepOpen)
  },
)

testOnLoop('pausing, resuming and pausing in one turn gives nothing', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write('held')
    yield* settle()
    accepted.transport.resumeReading()
    accepted.transport.pauseReading()
    yield* settle()
    assert.equal(accepted.received.length, 0)
    accepted.transport.resumeReading()
    yield* accepted.untilReceived(4)
  })
})

testOnLoop('a paused transport that is closed tells only of its loss', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    client.transport.write('unread')
    yield* settle()
    accepted.transport.close()
    accepted.transport.resumeReading()
    yield* accepted.untilLost()
    assert.deepEqual(accepted.calls, ['connectionMade', 'connectionLost'])
  })
})

testOnLoop('what dataReceived is given is a Buffer, borrowed until it returns', function* () {
  yield* withPair(function* ({ client, accepted }) {
    const given: Buffer[] = []
    onData(accepted, (data) => {
      assert.ok(Buffer.isBuffer(data))
      given.push(data)
      accepted.dataReceived(data)
    })
    client.transport.write(Buffer.alloc(100, 'a'))
    yield* accepted.untilReceived(100)
    client.transport.write(Buffer.alloc(100, 'b'))
    yield* accepted.untilReceived(200)
    // The native backend receives into the same memory again and again.
    if (backendInfo().name === 'native') {
      assert.equal(given[0]!.buffer, given.at(-1)!.buffer)
      assert.notEqual(given[0]!.toString(), 'a'.repeat(100))
    }
    assert.equal(accepted.received.toString(), 'a'.repeat(100) + 'b'.repeat(100))
  })
})

testOnLoop('what a StreamReader gives is the reader’s own', function* () {
  yield* withPair(function* ({ client, accepted }) {
    const reader = new StreamReader()
    onData(accepted, (data) => {
      reader.feedData(data)
      data.fill(0)
    })
    client.transport.write('first')
    const first = yield* reader.readexactly(5)
    client.transport.write('other')
    const other = yield* reader.readexactly(5)
    assert.deepEqual([first.toString(), other.toString()], ['first', 'other'])
  })
})

testOnLoop('writing what was received, while it is borrowed, is an echo', function* () {
  yield* withPair(function* ({ client, accepted }) {
    onData(accepted, (data) => {
      accepted.transport.write(data)
      data.fill(0)
    })
    const whole = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 249))
    client.transport.write(whole)
    const back = yield* client.untilReceived(whole.length)
    assert.equal(back.equals(whole), true)
  })
})

/** How memory can be taken away from those who look at it. */
const thieves: [string, (memory: ArrayBuffer) => void][] = [
  ['structuredClone', (memory) => void structuredClone(memory, { transfer: [memory] })],
  [
    'a MessagePort',
    (memory) => {
      const { port1, port2 } = new MessageChannel()
      port1.postMessage(memory, [memory])
      port1.close()
      port2.close()
    },
  ],
  [
    'ArrayBuffer.prototype.transfer',
    (memory) => (memory as { transfer?: () => ArrayBuffer }).transfer?.(),
  ],
]

for (const [name, steal] of thieves) {
  testOnLoop(`taking the memory of what was received away with ${name} harms nobody`, function* () {
    yield* withPair(function* ({ client, accepted }) {
      onData(accepted, (data) => {
        accepted.chunks.push(Buffer.from(data))
        try {
          steal(data.buffer as ArrayBuffer)
        } catch {
          // That it cannot be taken away is fine as well.
        }
      })
      for (let round = 0; round < 5; round++) {
        client.transport.write(Buffer.alloc(100_000, round))
        yield* settle()
      }
      // Connections made afterwards work in any case.
      yield* withPair(function* (other) {
        other.client.transport.write('goes on')
        assert.equal((yield* other.accepted.untilReceived(7)).toString(), 'goes on')
        other.accepted.transport.write(Buffer.alloc(200_000))
        yield* other.client.untilReceived(200_000)
      })
      // Bytes that were taken away before they were looked at cost their connection, never others.
      assert.ok(accepted.received.length === 500_000 || accepted.isLost)
    }, keepOpen)
  })
}
