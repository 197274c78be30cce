// UDP endpoints: what is sent arrives, what fails is told, and endpoints end as they should.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import {
  backendInfo,
  createTask,
  type DatagramAddress,
  type DatagramEndpointOptions,
  getRunningLoop,
  sleep,
} from 'gyre'
import { knowsReusePort } from '#gyre/backend/reuse_port'
import { canCountDescriptors, countSockets } from '../lifetime/descriptors.js'
import { type DatagramPair, openEndpoint, withEndpoints } from './datagram_recorder.js'
import { testOnLoop } from './on_loop.js'
import { until } from './until.js'

testOnLoop('datagrams arrive whole, in order, with their sender, empty ones too', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    for (const text of ['one', '', 'three', 'größer']) client.transport.sendto(text)
    assert.deepEqual(yield* server.untilReceived(4), ['one', '', 'three', 'größer'])
    const [host, port] = client.name
    for (const { addr } of server.datagrams) {
      assert.deepEqual([...addr], [host, port])
      assert.equal(addr.address, '127.0.0.1')
      assert.equal(addr.port, port)
      assert.equal(addr.family, 'IPv4')
    }
    assert.equal(server.calls[0], 'connectionMade')
  })
})

testOnLoop('an endpoint answers whoever sent, by the address that it was given', function* () {
  const echo = {
    datagramReceived(data: Buffer, addr: DatagramAddress) {
      server.transport.sendto(data, addr)
    },
  }
  const server = yield* openEndpoint(undefined, echo)
  const clients = []
  for (let i = 0; i < 5; i++) clients.push(yield* openEndpoint({ remoteAddr: server.name }))
  clients.forEach(({ transport }, index) => {
    for (let i = 0; i < 20; i++) transport.sendto(`${index}:${i}`)
  })
  for (const [index, client] of clients.entries()) {
    const expected = Array.from({ length: 20 }, (_, i) => `${index}:${i}`)
    assert.deepEqual(yield* client.untilReceived(20), expected)
  }
  for (const { transport } of [server, ...clients]) transport.abort()
})

testOnLoop('every form of data and of address is taken', function* () {
  const server = yield* openEndpoint()
  const client = yield* openEndpoint()
  const { port } = server.name
  const bytes = new Uint8Array([1, 2, 3, 4])
  client.transport.sendto(bytes, server.name)
  client.transport.sendto(bytes.buffer, ['127.0.0.1', port])
  client.transport.sendto(new DataView(bytes.buffer, 1, 2), { address: '127.0.0.1', port })
  client.transport.sendto('text', server.name)
  yield* server.untilReceived(4)
  const received = server.datagrams.map(({ data }) => [...data])
  assert.deepEqual(received, [[1, 2, 3, 4], [1, 2, 3, 4], [2, 3], [...Buffer.from('text')]])
  // An address that is changed after use means what it says then.
  const address = ['127.0.0.1', 9] as [string, number]
  client.transport.sendto('elsewhere', address)
  address[1] = port
  client.transport.sendto('here', address)
  yield* server.until(() => server.texts.includes('here'))
  assert.ok(!server.texts.includes('elsewhere'))
  server.transport.abort()
  client.transport.abort()
})

testOnLoop('the memory of what was sent can be used again at once', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    const bytes = Buffer.from('before')
    client.transport.sendto(bytes)
    bytes.fill('x')
    assert.deepEqual(yield* server.untilReceived(1), ['before'])
  })
})

testOnLoop(
  'the largest datagram arrives; larger ones are EMSGSIZE, and the rest goes on',
  function* () {
    yield* withEndpoints(function* ({ server, client }) {
      const largest = randomBytes(65_507)
      client.transport.sendto(largest)
      client.inside(() => client.transport.sendto(Buffer.alloc(65_508)))
      client.inside(() => client.transport.sendto(Buffer.alloc(1_000_000)))
      client.transport.sendto('small')
      yield* server.until(() => server.texts.includes('small'))
      assert.deepEqual(server.datagrams[0]!.data, largest)
      yield* client.until(() => client.errors.length === 2)
      for (const { code, syscall } of client.errors) {
        assert.deepEqual([code, syscall], ['EMSGSIZE', 'send'])
      }
      assert.deepEqual(client.nested, [])
      assert.equal(server.datagrams.length, 2)
    })
  },
)

testOnLoop('a refused datagram is told to a connected endpoint, which lives on', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    const { name } = server
    server.transport.close()
    assert.equal(yield* server.untilLost(), null)
    client.transport.sendto('anybody?')
    yield* client.until(() => client.errors.length > 0)
    assert.equal(client.errors[0]!.code, 'ECONNREFUSED')
    assert.equal(client.transport.isClosing(), false)
    const again = yield* openEndpoint({ localAddr: name })
    client.transport.sendto('back')
    assert.deepEqual(yield* again.untilReceived(1), ['back'])
    again.transport.abort()
  })
})

testOnLoop('a connected endpoint hears of its peer only', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    const stranger = yield* openEndpoint()
    stranger.transport.sendto('spam', client.name)
    server.transport.sendto('mail', client.name)
    assert.deepEqual(yield* client.untilReceived(1), ['mail'])
    assert.deepEqual([...client.transport.getExtraInfo('peername')!], [...server.name])
    assert.equal(server.transport.getExtraInfo('peername'), null)
    client.transport.sendto('to the peer', server.name)
    assert.deepEqual(yield* server.untilReceived(1), ['to the peer'])
    assert.throws(() => client.transport.sendto('x', stranger.name), { code: 'ERR_OUT_OF_RANGE' })
    stranger.transport.abort()
  })
})

testOnLoop('IPv6 works, and a name stands for the first address that can be had', function* () {
  const server = yield* openEndpoint({ localAddr: ['::1', 0] })
  assert.equal(server.name.family, 'IPv6')
  const client = yield* openEndpoint({ remoteAddr: ['::1', server.name.port] })
  client.transport.sendto('six')
  yield* server.untilReceived(1)
  assert.equal(server.datagrams[0]!.addr.address, '::1')
  server.transport.sendto('answer', server.datagrams[0]!.addr)
  assert.deepEqual(yield* client.untilReceived(1), ['answer'])
  const named = yield* openEndpoint({ localAddr: { host: 'localhost', port: 0 }, family: 4 })
  assert.equal(named.name.address, '127.0.0.1')
  for (const { transport } of [server, client, named]) transport.abort()
})

testOnLoop(
  'without addresses an endpoint gets a port of its own, of the family asked for',
  function* () {
    for (const [family, any] of [
      [4, '0.0.0.0'],
      [6, '::'],
    ] as const) {
      const endpoint = yield* openEndpoint({ family })
      assert.equal(endpoint.name.address, any)
      assert.notEqual(endpoint.name.port, 0)
      endpoint.transport.abort()
    }
  },
)

testOnLoop(
  'a taken port, a foreign address, and a name of another family are errors',
  function* () {
    const loop = getRunningLoop()
    const server = yield* openEndpoint()
    const cases: [DatagramEndpointOptions, string][] = [
      [{ localAddr: server.name }, 'EADDRINUSE'],
      [{ localAddr: ['192.0.2.1', 0] }, 'EADDRNOTAVAIL'],
      [{ localAddr: ['127.0.0.1', 0], remoteAddr: ['::1', 9] }, 'ENOTFOUND'],
      [{ remoteAddr: ['127.0.0.1', 9], family: 6 }, 'ENOTFOUND'],
    ]
    for (const [options, code] of cases) {
      let thrown: unknown
      try {
        yield* loop.createDatagramEndpoint(() => ({}), options)
      } catch (error) {
        thrown = error
      }
      assert.equal((thrown as NodeJS.ErrnoException | undefined)?.code, code, String(thrown))
    }
    server.transport.abort()
  },
)

testOnLoop('bad arguments are errors at once', function* () {
  const loop = getRunningLoop()
  const open = (options: unknown) => () =>
    loop.createDatagramEndpoint(() => ({}), options as DatagramEndpointOptions)
  for (const options of [
    null,
    5,
    { localAddr: 5 },
    { localAddr: ['h', '5'] },
    { remoteAddr: [5, 5] },
  ])
    assert.throws(open(options), { code: 'ERR_INVALID_ARG_TYPE' })
  for (const options of [{ family: 5 }, { localAddr: ['h', 70_000] }, { remoteAddr: { port: -1 } }])
    assert.throws(open(options), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => loop.createDatagramEndpoint(5 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  const { transport } = yield* openEndpoint()
  const send = (data: unknown, addr?: unknown) => () =>
    transport.sendto(data as string, addr as DatagramAddress)
  for (const data of [undefined, null, 5, {}]) {
    assert.throws(send(data, ['127.0.0.1', 9]), { code: 'ERR_INVALID_ARG_TYPE' })
  }
  for (const addr of [undefined, null, 5, [], ['127.0.0.1'], ['127.0.0.1', '9'], {}]) {
    assert.throws(send('x', addr), { code: 'ERR_INVALID_ARG_TYPE' })
  }
  for (const addr of [
    ['::1', 9],
    ['localhost', 9],
    ['', 9],
    ['127.0.0.1', 65_536],
    ['1.2.3', 9],
  ]) {
    assert.throws(send('x', addr), { code: 'ERR_OUT_OF_RANGE' })
  }
  transport.abort()
})

testOnLoop('close sends what waits, then connectionLost(null) comes once and last', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    for (let i = 0; i < 100; i++) client.transport.sendto(`${i}`)
    client.inside(() => client.transport.close())
    client.transport.sendto('too late')
    client.transport.close()
    assert.equal(yield* client.untilLost(), null)
    yield* server.untilReceived(100)
    assert.equal(server.texts.at(-1), '99')
    assert.deepEqual(client.nested, [])
    assert.equal(client.calls.at(-1), 'connectionLost')
    assert.equal(client.count('connectionLost'), 1)
  })
})

testOnLoop('an endpoint can be closed in each of its callbacks', function* () {
  const closing = { connectionMade: (to: { close(): void }) => to.close() }
  const first = yield* openEndpoint(undefined, closing)
  assert.equal(yield* first.untilLost(), null)
  const held: Partial<DatagramPair> = {}
  yield* withEndpoints(
    function* (pair) {
      const { server, client } = Object.assign(held, pair)
      client.transport.sendto('1')
      client.transport.sendto('2')
      assert.equal(yield* server.untilLost(), null)
      assert.deepEqual(server.texts, ['1'])
      client.transport.sendto('3')
      assert.equal(yield* client.untilLost(), null)
      assert.equal(client.count('connectionLost'), 1)
    },
    {
      server: { datagramReceived: (_data, _addr) => held.server!.transport.abort() },
      client: { errorReceived: () => held.client!.transport.close() },
    },
  )
})

testOnLoop('what a protocol throws is reported, and the endpoint goes on', function* (reports) {
  const hooks = {
    datagramReceived(data: Buffer) {
      if (String(data) === 'bad') throw new Error('thrown')
    },
  }
  yield* withEndpoints(
    function* ({ server, client }) {
      client.transport.sendto('bad')
      client.transport.sendto('good')
      assert.deepEqual(yield* server.untilReceived(2), ['bad', 'good'])
      const [report, ...others] = reports.splice(0)
      assert.equal(report?.message, 'protocol.datagramReceived() failed')
      assert.equal(String(report?.exception), 'Error: thrown')
      assert.deepEqual(others, [])
    },
    { server: hooks },
  )
})

testOnLoop('a factory that throws closes the socket', function* () {
  const before = canCountDescriptors ? countSockets() : 0
  const loop = getRunningLoop()
  const factory = () => {
    throw new Error('no protocol')
  }
  try {
    yield* loop.createDatagramEndpoint(factory, { localAddr: ['127.0.0.1', 0] })
    assert.fail('it did not throw')
  } catch (error) {
    assert.equal((error as Error).message, 'no protocol')
  }
  yield* sleep(1)
  if (canCountDescriptors) assert.equal(countSockets(), before)
})

testOnLoop('cancelled at every moment, opening leaves no socket', function* () {
  const before = canCountDescriptors ? countSockets() : 0
  for (let turns = 0; turns < 8; turns++) {
    const options = { localAddr: ['localhost', 0], remoteAddr: ['localhost', 9] } as const
    const task = createTask(openEndpoint(options))
    for (let i = 0; i < turns; i++) yield* sleep(0)
    task.cancel()
    try {
      const endpoint = yield* task
      endpoint.transport.abort()
    } catch {}
  }
  if (canCountDescriptors) yield* until(() => countSockets() === before)
})

testOnLoop('the protocol runs in the context of whoever opened the endpoint', function* () {
  const storage = new AsyncLocalStorage<string>()
  let seen: string | undefined
  const options = { localAddr: ['127.0.0.1', 0] } as const
  const server = yield* storage.run('opener', () =>
    createTask(openEndpoint(options, { datagramReceived: () => (seen = storage.getStore()) })),
  )
  const client = yield* openEndpoint({ remoteAddr: server.name })
  client.transport.sendto('x')
  yield* server.untilReceived(1)
  assert.equal(seen, 'opener')
  server.transport.abort()
  client.transport.abort()
})

testOnLoop('random datagrams arrive once, in order, byte for byte', function* () {
  const hash = () => createHash('sha256')
  yield* withEndpoints(function* ({ server, client }) {
    server.transport.getExtraInfo('socket').setRecvBufferSize(2_000_000)
    const sent = hash()
    let count = 0
    for (let round = 0; round < 200; round++) {
      for (let i = randomInt(1, 20); i > 0; i--) {
        const data = randomBytes(randomInt(10) === 0 ? randomInt(9_000) : randomInt(200))
        sent.update(data)
        client.transport.sendto(data)
        count++
      }
      // UDP drops what a full buffer cannot take.
      yield* server.untilReceived(count)
    }
    const received = hash()
    for (const { data } of server.datagrams) received.update(data)
    assert.equal(received.digest('hex'), sent.digest('hex'))
    assert.equal(server.datagrams.length, count)
  })
})

testOnLoop('reusePort shares a port, or says who can', function* () {
  const loop = getRunningLoop()
  const first = loop.createDatagramEndpoint(() => ({}), {
    localAddr: ['127.0.0.1', 0],
    reusePort: true,
  })
  if (backendInfo().name === 'fallback' && !knowsReusePort()) {
    try {
      yield* first
      assert.fail('it did not throw')
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ERR_NOT_SUPPORTED')
    }
    return
  }
  const { transport } = yield* first
  const localAddr = transport.getExtraInfo('sockname')!
  const second = yield* loop.createDatagramEndpoint(() => ({}), { localAddr, reusePort: true })
  assert.equal(second.transport.getExtraInfo('sockname')!.port, localAddr.port)
  transport.abort()
  second.transport.abort()
})
