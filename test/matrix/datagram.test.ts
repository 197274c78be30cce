// Every operation of a datagram transport in every state it can be in: what the transport says of
// itself afterwards, and that the protocol is told of the end once, last, and never from inside.

import assert from 'node:assert/strict'
import type { Coroutine, DatagramTransport } from 'gyre'
import { type DatagramPair, withEndpoints } from '../net/datagram_recorder.js'
import { testOnLoop } from '../net/on_loop.js'

/** How the client's end gets into each state, and whether it is closing then. */
const states: Record<
  string,
  { isClosing: boolean; enter: (pair: DatagramPair) => Coroutine<void> }
> = {
  'an open endpoint': { isClosing: false, enter: function* () {} },
  'an endpoint with datagrams on their way': {
    isClosing: false,
    enter: function* ({ client }) {
      for (let i = 0; i < 100; i++) client.transport.sendto('x'.repeat(1000))
    },
  },
  'an endpoint whose peer has gone': {
    isClosing: false,
    enter: function* ({ client, server }) {
      server.transport.abort()
      yield* server.untilLost()
      client.transport.sendto('anybody?')
      yield* client.until(() => client.errors.length > 0)
    },
  },
  'an endpoint that was closed just now': {
    isClosing: true,
    enter: function* ({ client }) {
      client.transport.close()
    },
  },
  'an endpoint that closes behind its datagrams': {
    isClosing: true,
    enter: function* ({ client }) {
      for (let i = 0; i < 100; i++) client.transport.sendto('x'.repeat(1000))
      client.transport.close()
    },
  },
  'an endpoint that was aborted just now': {
    isClosing: true,
    enter: function* ({ client }) {
      client.transport.abort()
    },
  },
  'an endpoint that is lost': {
    isClosing: true,
    enter: function* ({ client }) {
      client.transport.close()
      yield* client.untilLost()
    },
  },
}

const operations: Record<string, { act: (to: DatagramTransport) => unknown; closes?: boolean }> = {
  'sendto a string': { act: (to) => to.sendto('text') },
  'sendto nothing': { act: (to) => to.sendto('') },
  'sendto too much': { act: (to) => to.sendto(Buffer.alloc(100_000)) },
  'sendto null as address': { act: (to) => to.sendto('text', null) },
  close: { act: (to) => to.close(), closes: true },
  abort: { act: (to) => to.abort(), closes: true },
  setWriteBufferLimits: { act: (to) => to.setWriteBufferLimits({ high: 10, low: 5 }) },
  getWriteBufferLimits: {
    act: (to) => assert.deepEqual(to.getWriteBufferLimits(), { high: 65_536, low: 16_384 }),
  },
  getWriteBufferSize: { act: (to) => assert.ok(Number.isInteger(to.getWriteBufferSize())) },
  'getExtraInfo of a name': {
    act: (to) => assert.equal(to.getExtraInfo('peername')?.address, '127.0.0.1'),
  },
  'getExtraInfo of anything else': {
    act: (to) => assert.equal(to.getExtraInfo('colour', 'none'), 'none'),
  },
  setProtocol: { act: (to) => to.setProtocol(to.getProtocol()) },
}

for (const [stateName, { isClosing, enter }] of Object.entries(states)) {
  for (const [operationName, { act, closes = false }] of Object.entries(operations)) {
    testOnLoop(`${operationName} on ${stateName}`, function* () {
      let client!: DatagramPair['client']
      yield* withEndpoints(function* (pair) {
        client = pair.client
        yield* enter(pair)
        client.inside(() => act(client.transport))
        assert.equal(client.transport.isClosing(), isClosing || closes)
        // Sending too much is told at once, in asyncio too; nothing else is.
        assert.deepEqual(
          client.nested.filter((call) => call !== 'pauseWriting'),
          [],
        )
      })
      assert.equal(client.calls[0], 'connectionMade')
      assert.equal(client.calls.at(-1), 'connectionLost')
      assert.equal(client.count('connectionMade'), 1)
      assert.equal(client.count('connectionLost'), 1)
      assert.equal(client.lostWith, null)
    })
  }

  testOnLoop(`options of the socket on ${stateName}`, function* () {
    yield* withEndpoints(function* (pair) {
      yield* enter(pair)
      const socket = pair.client.transport.getExtraInfo('socket')
      if (isClosing) yield* pair.client.untilLost()
      const act = () => socket.setTTL(5)
      if (isClosing) assert.throws(act, { code: 'EBADF' })
      else act()
    })
  })
}
