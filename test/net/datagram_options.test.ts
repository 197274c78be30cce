// The options of UDP sockets, multicast and broadcast: as node:dgram has them, on both backends.

import assert from 'node:assert/strict'
import { openEndpoint } from './datagram_recorder.js'
import { testOnLoop } from './on_loop.js'

const GROUP = '239.255.77.77'

testOnLoop('a member of a group hears it, and no longer once it left', function* () {
  const member = yield* openEndpoint({ localAddr: ['0.0.0.0', 0] })
  const sender = yield* openEndpoint({ localAddr: ['127.0.0.1', 0] })
  const membership = member.transport.getExtraInfo('socket')
  const sending = sender.transport.getExtraInfo('socket')
  sending.setMulticastInterface('127.0.0.1')
  sending.setMulticastTTL(1)
  sending.setMulticastLoopback(true)
  const to = [GROUP, member.name.port] as const
  membership.addMembership(GROUP, '127.0.0.1')
  assert.throws(() => membership.addMembership(GROUP, '127.0.0.1'), { code: 'EADDRINUSE' })
  sender.transport.sendto('to the group', to)
  assert.deepEqual(yield* member.untilReceived(1), ['to the group'])
  membership.dropMembership(GROUP, '127.0.0.1')
  assert.throws(() => membership.dropMembership(GROUP, '127.0.0.1'), { code: 'EADDRNOTAVAIL' })
  sender.transport.sendto('to nobody', to)
  sender.transport.sendto('to you', ['127.0.0.1', member.name.port])
  assert.deepEqual(yield* member.untilReceived(2), ['to the group', 'to you'])
  member.transport.abort()
  sender.transport.abort()
})

testOnLoop('broadcasting must be allowed, and answers then come from anywhere', function* () {
  const listener = yield* openEndpoint({ localAddr: ['0.0.0.0', 0] })
  const to = ['127.255.255.255', listener.name.port] as const
  const shy = yield* openEndpoint({ localAddr: ['127.0.0.1', 0] })
  shy.transport.sendto('not allowed', to)
  yield* shy.until(() => shy.errors.length === 1)
  assert.equal(shy.errors[0]!.code, 'EACCES')
  shy.transport.getExtraInfo('socket').setBroadcast()
  shy.transport.sendto('allowed now', to)
  assert.deepEqual(yield* listener.untilReceived(1), ['allowed now'])
  const loud = yield* openEndpoint({ remoteAddr: to, allowBroadcast: true })
  assert.equal(loud.transport.getExtraInfo('peername'), null)
  loud.transport.sendto('to all')
  yield* listener.untilReceived(2)
  listener.transport.sendto('from one', ['127.0.0.1', loud.name.port])
  assert.deepEqual(yield* loud.untilReceived(1), ['from one'])
  for (const { transport } of [listener, shy, loud]) transport.abort()
})

testOnLoop('sizes of buffers are what the kernel makes of the wish', function* () {
  const { transport } = yield* openEndpoint()
  const socket = transport.getExtraInfo('socket')
  socket.setRecvBufferSize(50_000)
  socket.setSendBufferSize(40_000)
  assert.equal(socket.getRecvBufferSize(), 100_000)
  assert.equal(socket.getSendBufferSize(), 80_000)
  socket.setTTL(7)
  assert.deepEqual(socket.getsockname(), transport.getExtraInfo('sockname'))
  assert.equal(socket.getpeername(), null)
  assert.equal(transport.getExtraInfo('colour', 'none'), 'none')
  transport.abort()
})

testOnLoop('of a closed socket nothing can be asked, and the error names what was', function* () {
  const endpoint = yield* openEndpoint()
  const socket = endpoint.transport.getExtraInfo('socket')
  endpoint.transport.abort()
  yield* endpoint.untilLost()
  for (const [act, syscall] of [
    [() => socket.setTTL(7), 'setsockopt'],
    [() => socket.getRecvBufferSize(), 'getsockopt'],
    [() => socket.addMembership(GROUP), 'addMembership'],
    [() => socket.dropMembership(GROUP), 'dropMembership'],
    [() => socket.setMulticastInterface('127.0.0.1'), 'setMulticastInterface'],
  ] as const) {
    assert.throws(act, { code: 'EBADF', syscall })
  }
})

testOnLoop('values that no socket takes are errors at once', function* () {
  const { transport } = yield* openEndpoint()
  const socket = transport.getExtraInfo('socket')
  for (const act of [
    () => socket.setTTL(0),
    () => socket.setTTL(256),
    () => socket.setMulticastTTL(-1),
    () => socket.setRecvBufferSize(0),
    () => transport.setWriteBufferLimits({ high: 1, low: 2 }),
  ]) {
    assert.throws(act, { code: 'ERR_OUT_OF_RANGE' })
  }
  for (const act of [
    () => socket.setTTL('7' as never),
    () => socket.addMembership(5 as never),
    () => socket.dropMembership(GROUP, 5 as never),
    () => socket.setMulticastInterface(undefined as never),
    () => transport.setProtocol(null as never),
  ]) {
    assert.throws(act, { code: 'ERR_INVALID_ARG_TYPE' })
  }
  for (const group of ['127.0.0.1', 'no address']) {
    assert.throws(() => socket.addMembership(group), { code: 'EINVAL' })
  }
  transport.abort()
})
