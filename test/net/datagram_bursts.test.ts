// Many datagrams at once. The native backend hands those of one size and one address to the kernel
// as one (native/core/datagram_runs.h); nobody who receives them may notice.

import assert from 'node:assert/strict'
import type { DatagramAddress, DatagramEndpointOptions } from 'gyre'
import { openEndpoint, withEndpoints } from './datagram_recorder.js'
import { testOnLoop } from './on_loop.js'

/** Texts of one size, told apart by their number; the last may be shorter. */
function burst(count: number, bytes: number, lastBytes = bytes): string[] {
  return Array.from({ length: count }, (_, index) =>
    `${index}.`.padEnd(index === count - 1 ? lastBytes : bytes, 'x'),
  )
}

const ANY: [string, DatagramEndpointOptions, DatagramEndpointOptions][] = [
  ['IPv4', { localAddr: ['127.0.0.1', 0] }, { localAddr: ['127.0.0.1', 0] }],
  ['IPv6', { localAddr: ['::1', 0] }, { localAddr: ['::1', 0] }],
  ['IPv4 on an IPv6 socket', { localAddr: ['127.0.0.1', 0] }, { localAddr: ['::', 0] }],
]

for (const [kind, receiverOptions, senderOptions] of ANY) {
  testOnLoop(`a burst of one size arrives as its datagrams: ${kind}`, function* () {
    const receiver = yield* openEndpoint(receiverOptions)
    const sender = yield* openEndpoint(senderOptions)
    receiver.transport.getExtraInfo('socket').setRecvBufferSize(2_000_000)
    const { address, port } = receiver.name
    const isMapped = sender.name.family !== receiver.name.family
    const to = [isMapped ? `::ffff:${address}` : address, port] as const
    const sent: string[] = []
    for (const texts of [burst(40, 64), burst(10, 1_200, 17), burst(5, 9_000), burst(3, 30_000)]) {
      for (const text of texts) sender.transport.sendto(text, to)
      sent.push(...texts)
      assert.deepEqual(yield* receiver.untilReceived(sent.length), sent)
    }
    assert.deepEqual(sender.errors, [])
    receiver.transport.abort()
    sender.transport.abort()
  })
}

testOnLoop(
  'bursts to several peers, with empty datagrams between, reach each in order',
  function* () {
    const sender = yield* openEndpoint()
    const peers = [yield* openEndpoint(), yield* openEndpoint()]
    const expected = peers.map(() => [] as string[])
    for (let i = 0; i < 60; i++) {
      const index = i % 7 < 4 ? 0 : 1
      const text = i % 11 === 0 ? '' : String(i).padStart(4 + (i % 13 === 0 ? 1 : 0), '0')
      sender.transport.sendto(text, peers[index]!.name)
      expected[index]!.push(text)
    }
    for (const [index, peer] of peers.entries()) {
      assert.deepEqual(yield* peer.untilReceived(expected[index]!.length), expected[index])
      peer.transport.abort()
    }
    sender.transport.abort()
  },
)

testOnLoop('a burst reaches the members of a group as its datagrams', function* () {
  const group = '239.255.77.79'
  const member = yield* openEndpoint({ localAddr: ['0.0.0.0', 0] })
  const sender = yield* openEndpoint()
  member.transport.getExtraInfo('socket').addMembership(group, '127.0.0.1')
  sender.transport.getExtraInfo('socket').setMulticastInterface('127.0.0.1')
  const texts = burst(20, 100)
  for (const text of texts) sender.transport.sendto(text, [group, member.name.port])
  assert.deepEqual(yield* member.untilReceived(20), texts)
  member.transport.abort()
  sender.transport.abort()
})

testOnLoop('each datagram of a burst that cannot be sent is told of', function* () {
  const sender = yield* openEndpoint()
  const to: DatagramAddress = ['127.255.255.255', 9]
  for (const text of burst(10, 50)) sender.transport.sendto(text, to)
  yield* sender.until(() => sender.errors.length === 10)
  assert.ok(sender.errors.every(({ code }) => code === 'EACCES'))
  sender.transport.abort()
})

testOnLoop('a burst to nobody is answered, and the endpoint can still send bursts', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    const { name } = server
    server.transport.close()
    yield* server.untilLost()
    for (const text of burst(10, 50)) client.transport.sendto(text)
    yield* client.until(() => client.errors.length > 0)
    assert.equal(client.errors[0]!.code, 'ECONNREFUSED')
    const again = yield* openEndpoint({ localAddr: name })
    const texts = burst(10, 50)
    for (const text of texts) client.transport.sendto(text)
    // The fallback sends the one again that the refusal kept, behind those that came after it.
    const received = yield* again.untilReceived(10)
    assert.deepEqual(received.toSorted(), texts)
    again.transport.abort()
  })
})
