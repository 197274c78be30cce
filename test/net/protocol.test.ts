// The order in which a protocol hears of its connection: connectionMade first, connectionLost last,
// each once, and none from inside a call to the transport.

import assert from 'node:assert/strict'
import {
  backendInfo,
  type Coroutine,
  getRunningLoop,
  type Protocol,
  sleep,
  type Transport,
} from 'gyre'
import { testOnLoop } from './on_loop.js'
import { connectPair, disconnectPair, portOf, withPair } from './pair.js'
import { Recorder } from './recorder.js'

/** Lets what is scheduled, and what that schedules, happen. */
function* settle(): Coroutine<void> {
  for (let turn = 0; turn < 5; turn++) yield* sleep(1)
}

testOnLoop(
  'a protocol hears of the connection, its data, its end and its loss, in order',
  function* () {
    const pair = yield* connectPair()
    const { client, accepted } = pair
    client.transport.write('one')
    yield* accepted.untilReceived(3)
    client.transport.close()
    assert.equal(yield* client.untilLost(), null)
    assert.equal(yield* accepted.untilLost(), null)
    assert.deepEqual(client.calls, ['connectionMade', 'connectionLost'])
    assert.deepEqual(accepted.phases, [
      'connectionMade',
      'dataReceived',
      'eofReceived',
      'connectionLost',
    ])
    assert.equal(accepted.received.toString(), 'one')
    yield* disconnectPair(pair)
  },
)

testOnLoop(
  'the transport given to connectionMade is the one that createConnection gives',
  function* () {
    const loop = getRunningLoop()
    const server = yield* loop.createServer(() => new Recorder(), '127.0.0.1', 0)
    const connection = yield* loop.createConnection(
      () => new Recorder(),
      '127.0.0.1',
      portOf(server),
    )
    const [transport, protocol] = connection
    assert.equal(protocol.transport, transport)
    assert.equal(connection.transport, transport)
    assert.equal(connection.protocol, protocol)
    assert.equal(transport.getProtocol(), protocol)
    assert.deepEqual(protocol.calls, ['connectionMade'])
    transport.abort()
    server.close()
    yield* server.waitClosed()
  },
)

for (const end of ['close', 'abort'] as const) {
  testOnLoop(`${end}() never calls the protocol before it returns`, function* () {
    yield* withPair(function* ({ client }) {
      client.inside(() => client.transport[end]())
      assert.deepEqual(client.nested, [])
      assert.equal(client.isLost, false)
      assert.equal(client.transport.isClosing(), true)
      assert.equal(yield* client.untilLost(), null)
    })
  })

  testOnLoop(`${end}() twice loses the connection once`, function* () {
    yield* withPair(function* ({ client }) {
      client.transport[end]()
      client.transport[end]()
      yield* client.untilLost()
      client.transport[end]()
      yield* settle()
      assert.equal(client.count('connectionLost'), 1)
    })
  })

  const callbacks = ['connectionMade', 'dataReceived', 'eofReceived', 'pauseWriting'] as const
  for (const callback of callbacks) {
    testOnLoop(`${end}() inside ${callback} loses the connection once, afterwards`, function* () {
      const hook = () => {
        client.inside(() => client.transport[end]())
        return undefined
      }
      const client: Recorder = new Recorder({ [callback]: hook } as Protocol)
      const accepted = new Recorder({ eofReceived: () => true })
      const loop = getRunningLoop()
      const server = yield* loop.createServer(() => accepted, '127.0.0.1', 0)
      yield* loop.createConnection(() => client, '127.0.0.1', portOf(server))
      yield* accepted.until(() => accepted.calls.length > 0)
      if (callback === 'dataReceived') accepted.transport.write('bytes')
      if (callback === 'eofReceived') accepted.transport.writeEof()
      if (callback === 'pauseWriting') client.transport.write(Buffer.alloc(8 * 1024 * 1024))
      yield* client.untilLost()
      accepted.transport.abort()
      server.close()
      yield* server.waitClosed()
      assert.equal(client.lostWith, null)
      assert.equal(client.calls[0], 'connectionMade')
      assert.equal(client.calls.at(-1), 'connectionLost')
      assert.equal(client.count('connectionLost'), 1)
      assert.deepEqual(client.nested, [])
    })
  }
}

testOnLoop('close() and abort() inside connectionLost are without effect', function* () {
  const hook = () => {
    client.transport.close()
    client.transport.abort()
    client.transport.write('too late')
  }
  const pair = yield* connectPair({ client: { connectionLost: hook } })
  const { client } = pair
  client.transport.close()
  yield* client.untilLost()
  yield* settle()
  assert.equal(client.count('connectionLost'), 1)
  yield* disconnectPair(pair)
})

testOnLoop('after close() no more data and no end is told', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.write('unheard')
    accepted.transport.writeEof()
    client.transport.close()
    yield* client.untilLost()
    assert.deepEqual(client.calls, ['connectionMade', 'connectionLost'])
  })
})

testOnLoop('closing in dataReceived hides the data that was received with it', function* () {
  const pair = yield* connectPair({ accepted: { eofReceived: () => true } })
  const { client, accepted } = pair
  client.transport.setProtocol({
    dataReceived: (data) => {
      client.dataReceived(data)
      client.transport.close()
    },
    connectionLost: (error) => client.connectionLost(error),
  })
  client.transport.pauseReading()
  for (let i = 0; i < 50; i++) {
    accepted.transport.write(Buffer.alloc(1000))
    yield* sleep(0)
  }
  client.transport.resumeReading()
  yield* client.untilLost()
  assert.equal(client.count('dataReceived'), 1)
  yield* disconnectPair(pair)
})

testOnLoop('eofReceived that returns nothing closes the transport', function* () {
  yield* withPair(function* ({ client, accepted }) {
    client.transport.writeEof()
    yield* accepted.untilLost()
    assert.deepEqual(accepted.phases, ['connectionMade', 'eofReceived', 'connectionLost'])
    assert.equal(accepted.lostWith, null)
  })
})

testOnLoop('eofReceived that returns true leaves the other direction open', function* () {
  const keepOpen = { eofReceived: () => true }
  yield* withPair(
    function* ({ client, accepted }) {
      client.transport.write('question')
      client.transport.writeEof()
      yield* accepted.until(() => accepted.count('eofReceived') === 1)
      assert.equal(accepted.transport.isClosing(), false)
      accepted.transport.write('answer')
      assert.equal((yield* client.untilReceived(6)).toString(), 'answer')
      accepted.transport.close()
      yield* client.untilLost()
    },
    { accepted: keepOpen },
  )
})

testOnLoop('a connection whose directions are both shut stays until it is closed', function* () {
  const keepOpen = { eofReceived: () => true }
  yield* withPair(
    function* ({ client, accepted }) {
      client.transport.writeEof()
      accepted.transport.writeEof()
      yield* client.until(() => client.count('eofReceived') === 1)
      yield* accepted.until(() => accepted.count('eofReceived') === 1)
      yield* settle()
      assert.deepEqual([client.isLost, accepted.isLost], [false, false])
      assert.equal(client.transport.isClosing(), false)
      client.transport.close()
      accepted.transport.close()
      assert.equal(yield* client.untilLost(), null)
      assert.equal(yield* accepted.untilLost(), null)
    },
    { client: keepOpen, accepted: keepOpen },
  )
})

testOnLoop('setProtocol changes who hears of the connection', function* () {
  yield* withPair(function* ({ client, accepted }) {
    const successor = new Recorder()
    accepted.transport.setProtocol(successor)
    assert.equal(accepted.transport.getProtocol(), successor)
    client.transport.write('to the new one')
    assert.equal((yield* successor.untilReceived(14)).toString(), 'to the new one')
    accepted.transport.setProtocol(accepted)
    assert.deepEqual(successor.calls, ['dataReceived'])
    assert.equal(accepted.count('dataReceived'), 0)
  })
})

testOnLoop('a protocol without methods is a protocol', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const client = new Recorder()
  yield* loop.createConnection(() => client, '127.0.0.1', portOf(server))
  client.transport.write('nobody listens')
  client.transport.writeEof()
  // The server's end closes at the end of the data, as nothing told it to stay.
  assert.equal(yield* client.untilLost(), null)
  server.close()
  yield* server.waitClosed()
})

testOnLoop('every protocol of a server is made for one connection', function* () {
  const loop = getRunningLoop()
  const made: Recorder[] = []
  const factory = () => {
    const recorder = new Recorder()
    made.push(recorder)
    return recorder
  }
  const server = yield* loop.createServer(factory, '127.0.0.1', 0)
  const transports: Transport[] = []
  for (let i = 0; i < 3; i++) {
    const connection = yield* loop.createConnection(
      () => new Recorder(),
      '127.0.0.1',
      portOf(server),
    )
    transports.push(connection.transport)
  }
  for (const transport of transports) transport.close()
  server.close()
  yield* server.waitClosed()
  assert.deepEqual(
    made.map(({ phases }) => phases),
    Array.from({ length: 3 }, () => ['connectionMade', 'eofReceived', 'connectionLost']),
  )
})

testOnLoop('an end that is written after a reset leaves it to reading to tell', function* () {
  yield* withPair(function* ({ client, accepted }) {
    client.transport.pauseReading()
    accepted.transport.pauseReading()
    client.transport.write('what is never read')
    yield* sleep(2)
    // The kernel answers what nobody has read with a reset.
    accepted.transport.abort()
    yield* sleep(2)
    assert.equal(client.isLost, false)
    client.transport.writeEof()
    yield* sleep(2)
    assert.equal(client.isLost, false)
    client.transport.resumeReading()
    // node:net takes a reset that its own ending met for the end.
    const error = (yield* client.untilLost()) as NodeJS.ErrnoException | null
    const told = error === null ? 'the end' : `${error.code} of ${error.syscall}`
    const isFallback = backendInfo().name === 'fallback'
    assert.equal(told, isFallback ? 'the end' : 'ECONNRESET of read')
  })
})
