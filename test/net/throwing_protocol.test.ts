// Protocols whose methods throw: the error is reported, names the method, and disturbs nobody else.

import assert from 'node:assert/strict'
import { type Coroutine, getRunningLoop, type Protocol, type Server, sleep } from 'gyre'
import { testOnLoop } from './on_loop.js'
import { connectPair, disconnectPair, portOf } from './pair.js'
import { Recorder } from './recorder.js'

const STUCK_BYTES = 16 * 1024 * 1024

/** What makes each method be called. */
const provoke: Record<keyof Protocol, (client: Recorder, accepted: Recorder) => void> = {
  connectionMade: () => {},
  dataReceived: (_client, accepted) => accepted.transport.write('bytes'),
  eofReceived: (_client, accepted) => accepted.transport.writeEof(),
  pauseWriting: (client, accepted) => {
    accepted.transport.pauseReading()
    client.transport.write(Buffer.alloc(STUCK_BYTES))
  },
  resumeWriting: (client) => client.transport.write(Buffer.alloc(STUCK_BYTES)),
  connectionLost: (client) => client.transport.close(),
}

/** After an error while taking data a protocol's state is lost: asyncio drops the connection. */
const isFatal = (method: string) => method === 'dataReceived' || method === 'eofReceived'

for (const method of Object.keys(provoke) as (keyof Protocol)[]) {
  testOnLoop(`a protocol whose ${method} throws is reported`, function* (reports) {
    const broken = new Error(`broken ${method}`)
    const hooks = {
      [method]: () => {
        throw broken
      },
    }
    const pair = yield* connectPair({ client: hooks, accepted: { eofReceived: () => true } })
    const { client, accepted } = pair
    const bystander = yield* connectPair()
    provoke[method](client, accepted)
    while (reports.length === 0) yield* sleep(1)
    const [report] = reports.splice(0)
    assert.equal(report!.exception, broken)
    assert.match(report!.message, new RegExp(`protocol\\.${method}\\(\\)`))
    assert.equal(report!.protocol, client)
    assert.equal(report!.transport, client.transport)
    if (isFatal(method)) {
      assert.equal(yield* client.untilLost(), broken)
    } else if (method !== 'connectionLost') {
      accepted.transport.resumeReading()
      assert.equal(client.transport.isClosing(), false)
      accepted.transport.write('goes on')
      yield* client.until(() => client.received.includes('goes on'))
    }
    bystander.client.transport.write('unharmed')
    assert.equal((yield* bystander.accepted.untilReceived(8)).toString(), 'unharmed')
    yield* disconnectPair(bystander)
    yield* disconnectPair(pair)
    assert.equal(client.count('connectionLost'), 1)
  })
}

testOnLoop('what is thrown and no error is reported as well', function* (reports) {
  const hooks = {
    dataReceived: () => {
      throw 'a string'
    },
  }
  const pair = yield* connectPair({ client: hooks })
  pair.accepted.transport.write('bytes')
  const lostWith = yield* pair.client.untilLost()
  assert.ok(lostWith instanceof Error)
  assert.equal(reports.splice(0)[0]?.exception, 'a string')
  yield* disconnectPair(pair)
})

testOnLoop('a method that is no function is reported, not fatal to the loop', function* (reports) {
  const loop = getRunningLoop()
  const accepted = new Recorder()
  const server: Server = yield* loop.createServer(() => accepted, '127.0.0.1', 0)
  const protocol = { dataReceived: 5 } as unknown as Protocol
  const { transport } = yield* loop.createConnection(() => protocol, '127.0.0.1', portOf(server))
  yield* accepted.until(() => accepted.calls.length > 0)
  accepted.transport.write('bytes')
  yield* accepted.untilLost()
  assert.equal(transport.isClosing(), true)
  assert.ok(reports.splice(0)[0]?.exception instanceof TypeError)
  yield* closed(server)
})

function* closed(server: Server): Coroutine<void> {
  server.close()
  server.abortClients()
  yield* server.waitClosed()
}
