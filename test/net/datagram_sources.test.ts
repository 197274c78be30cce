// Source-specific multicast: what one source sends to a group, and nobody else.

import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import type { Coroutine, DatagramSocketInfo } from 'gyre'
import { type DatagramRecorder, openEndpoint } from './datagram_recorder.js'
import { testOnLoop } from './on_loop.js'

const LOOPBACK = '127.0.0.1'
const GROUP = '232.77.77.77'
const GROUP_V6 = 'ff32::77'

/** An interface that does multicast by IPv6: its address, and how it is named. */
function ipv6Link(): { address: string; interfaceAddress: string } | null {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const found = addresses?.find(
      ({ family, internal, scopeid }) => family === 'IPv6' && !internal && scopeid === 0,
    )
    if (found !== undefined) return { address: found.address, interfaceAddress: `::%${name}` }
  }
  return null
}

/** A member-to-be and its socket, which also hears what is sent to it alone. */
function* openMember(host: string): Coroutine<[DatagramRecorder, DatagramSocketInfo]> {
  const member = yield* openEndpoint({ localAddr: [host, 0] })
  return [member, member.transport.getExtraInfo('socket')]
}

function* openSender(host: string, interfaceAddress: string): Coroutine<DatagramRecorder> {
  const sender = yield* openEndpoint({ localAddr: [host, 0] })
  sender.transport.getExtraInfo('socket').setMulticastInterface(interfaceAddress)
  return sender
}

testOnLoop('a member hears the sources that it joined, and no others', function* () {
  const [member, membership] = yield* openMember('0.0.0.0')
  const first = yield* openSender('127.0.0.1', LOOPBACK)
  const second = yield* openSender('127.0.0.2', LOOPBACK)
  const { port } = member.name
  /** What the member hears of one datagram from each, and then one to itself. */
  function* round(name: string): Coroutine<string[]> {
    first.transport.sendto(`first ${name}`, [GROUP, port])
    second.transport.sendto(`second ${name}`, [GROUP, port])
    second.transport.sendto(`${name} is over`, [LOOPBACK, port])
    yield* member.until(() => member.texts.includes(`${name} is over`))
    return member.texts.filter((text) => text.endsWith(name)).sort()
  }
  membership.addSourceSpecificMembership('127.0.0.1', GROUP, LOOPBACK)
  assert.deepEqual(yield* round('one'), ['first one'])
  membership.addSourceSpecificMembership('127.0.0.2', GROUP, LOOPBACK)
  assert.deepEqual(yield* round('two'), ['first two', 'second two'])
  membership.dropSourceSpecificMembership('127.0.0.1', GROUP, LOOPBACK)
  assert.deepEqual(yield* round('three'), ['second three'])
  membership.dropSourceSpecificMembership('127.0.0.2', GROUP, LOOPBACK)
  assert.deepEqual(yield* round('four'), [])
  // The kernel narrows a membership for all senders, once a source is named.
  membership.addMembership(GROUP, LOOPBACK)
  assert.deepEqual(yield* round('five'), ['first five', 'second five'])
  membership.addSourceSpecificMembership('127.0.0.2', GROUP, LOOPBACK)
  assert.deepEqual(yield* round('six'), ['second six'])
  for (const { transport } of [member, first, second]) transport.abort()
})

const linkV6 = ipv6Link()

testOnLoop(
  'IPv6 has sources too',
  function* () {
    const { address, interfaceAddress } = linkV6!
    const [member, membership] = yield* openMember('::')
    const sender = yield* openSender(address, interfaceAddress)
    // Nothing leaves this machine.
    sender.transport.getExtraInfo('socket').setMulticastTTL(0)
    const { port } = member.name
    membership.addSourceSpecificMembership('::2', GROUP_V6, interfaceAddress)
    sender.transport.sendto('of a stranger', [GROUP_V6, port])
    sender.transport.sendto('direct', [address, port])
    assert.deepEqual(yield* member.untilReceived(1), ['direct'])
    membership.addSourceSpecificMembership(address, GROUP_V6, interfaceAddress)
    sender.transport.sendto('of the source', [GROUP_V6, port])
    assert.deepEqual(yield* member.untilReceived(2), ['direct', 'of the source'])
    member.transport.abort()
    sender.transport.abort()
  },
  linkV6 === null ? 'no interface has an IPv6 address, and the loopback has no multicast' : false,
)

testOnLoop('what is no membership is an error at once, and changes nothing', function* () {
  const [member, membership] = yield* openMember('0.0.0.0')
  const add = (...args: unknown[]) =>
    membership.addSourceSpecificMembership(...(args as [string, string]))
  const drop = (...args: unknown[]) =>
    membership.dropSourceSpecificMembership(...(args as [string, string]))
  const fails = (code: string, act: () => void) => {
    assert.throws(act, { code }, String(act))
  }
  for (const change of [add, drop]) {
    fails('ERR_INVALID_ARG_TYPE', () => change(5, GROUP))
    fails('ERR_INVALID_ARG_TYPE', () => change(LOOPBACK))
    fails('ERR_INVALID_ARG_TYPE', () => change(LOOPBACK, GROUP, 5))
    fails('EINVAL', () => change('localhost', GROUP, LOOPBACK))
    fails('EINVAL', () => change('::1', GROUP, LOOPBACK))
    fails('EINVAL', () => change(LOOPBACK, '127.0.0.1', LOOPBACK))
    fails('EINVAL', () => change(LOOPBACK, GROUP, '::1'))
    fails('EINVAL', () => change(LOOPBACK, GROUP, ''))
    fails('EINVAL', () => change('::1', GROUP_V6, LOOPBACK))
  }
  add(LOOPBACK, GROUP, LOOPBACK)
  fails('EADDRNOTAVAIL', () => add(LOOPBACK, GROUP, LOOPBACK))
  fails('EADDRINUSE', () => membership.addMembership(GROUP, LOOPBACK))
  fails('EADDRNOTAVAIL', () => drop('127.0.0.2', GROUP, LOOPBACK))
  drop(LOOPBACK, GROUP, LOOPBACK)
  assert.throws(
    () => drop(LOOPBACK, GROUP, LOOPBACK),
    (error: NodeJS.ErrnoException) => {
      return error.syscall === 'dropSourceSpecificMembership'
    },
  )
  member.transport.abort()
  yield* member.untilLost()
  fails('EBADF', () => add(LOOPBACK, GROUP, LOOPBACK))
  fails('EBADF', () => drop(LOOPBACK, GROUP, LOOPBACK))
})

testOnLoop('the interface of an IPv6 group must be one of IPv6', function* () {
  const [member, membership] = yield* openMember('::')
  assert.throws(() => membership.addMembership('ff02::77', LOOPBACK), { code: 'EINVAL' })
  membership.addMembership('ff02::77', '::%lo')
  membership.dropMembership('ff02::77', '::%lo')
  member.transport.abort()
})
