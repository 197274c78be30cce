// Addresses that nobody can be sent to: port 0, interfaces that there are not.

import assert from 'node:assert/strict'
import { getRunningLoop } from 'gyre'
import { openEndpoint } from './datagram_recorder.js'
import { testOnLoop } from './on_loop.js'

testOnLoop(
  'a datagram to port 0 is told of, as in asyncio, and close waits for none',
  function* () {
    for (const host of ['127.0.0.1', '::1']) {
      const endpoint = yield* openEndpoint({ localAddr: [host, 0] })
      for (let i = 0; i < 3; i++) {
        endpoint.inside(() => endpoint.transport.sendto('x', [host, 0]))
      }
      yield* endpoint.until(() => endpoint.errors.length === 3)
      for (const { code, syscall } of endpoint.errors) {
        assert.deepEqual([code, syscall], ['EINVAL', 'send'])
      }
      assert.deepEqual(endpoint.nested, [])
      endpoint.transport.sendto('y', endpoint.name)
      assert.deepEqual(yield* endpoint.untilReceived(1), ['y'])
      endpoint.transport.close()
      assert.equal(yield* endpoint.untilLost(), null)
    }
  },
)

testOnLoop('nobody can be connected to at port 0', function* () {
  const loop = getRunningLoop()
  for (const remoteAddr of [['127.0.0.1', 0] as const, { host: 'localhost', port: 0 }]) {
    const open = () => loop.createDatagramEndpoint(() => ({}), { remoteAddr })
    assert.throws(open, { code: 'ERR_OUT_OF_RANGE', message: /options\.remoteAddr port/ })
  }
})

testOnLoop('an interface that there is not is an error, and so is one of IPv4', function* () {
  const loop = getRunningLoop()
  const endpoint = yield* openEndpoint({ localAddr: ['::', 0] })
  for (const host of ['::1%none0', '::1%', '127.0.0.1%lo']) {
    const send = () => endpoint.transport.sendto('x', [host, 9])
    assert.throws(send, { code: 'ERR_OUT_OF_RANGE' }, host)
  }
  endpoint.transport.abort()
  for (const [host, code] of [
    ['::1%none0', 'EINVAL'],
    ['127.0.0.1%lo', 'ENOTFOUND'],
  ] as const) {
    let failure: unknown
    try {
      yield* loop.createDatagramEndpoint(() => ({}), { localAddr: [host, 0] })
    } catch (error) {
      failure = error
    }
    assert.equal((failure as NodeJS.ErrnoException)?.code, code, host)
  }
})

testOnLoop('family 0 is either, as in connections', function* () {
  const endpoint = yield* openEndpoint({ family: 0 })
  assert.equal(endpoint.name.family, 'IPv4')
  const client = yield* openEndpoint({ remoteAddr: ['127.0.0.1', endpoint.name.port], family: 0 })
  client.transport.sendto('x')
  assert.deepEqual(yield* endpoint.untilReceived(1), ['x'])
  endpoint.transport.abort()
  client.transport.abort()
})

testOnLoop(
  'an error tells whether the own address or the one of the peer is to blame',
  function* () {
    const taken = yield* openEndpoint({ localAddr: ['127.0.0.1', 0] })
    const remoteAddr = ['127.0.0.1', 9] as const
    for (const [options, expected] of [
      [
        { localAddr: ['127.0.0.1', taken.name.port], remoteAddr },
        ['bind', 'EADDRINUSE', '127.0.0.1'],
      ],
      [{ localAddr: ['192.0.2.1', 0], remoteAddr }, ['bind', 'EADDRNOTAVAIL', '192.0.2.1']],
      [{ remoteAddr: ['255.255.255.255', 9] }, ['connect', 'EACCES', '255.255.255.255']],
    ] as const) {
      try {
        yield* openEndpoint(options)
        assert.fail('it did not throw')
      } catch (error) {
        const { syscall, code, address } = error as NodeJS.ErrnoException & { address?: string }
        assert.deepEqual([syscall, code, address], expected)
      }
    }
    taken.transport.abort()
  },
)
