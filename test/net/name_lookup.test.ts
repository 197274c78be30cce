// getaddrinfo and getnameinfo, of names and addresses that every machine knows.

import assert from 'node:assert/strict'
import { ADDRCONFIG } from 'node:dns'
import test from 'node:test'
import { type Coroutine, type Future, getRunningLoop, newEventLoop, wait } from 'gyre'
import { testOnLoop } from './on_loop.js'

function* failureOf(future: Future<unknown>): Coroutine<NodeJS.ErrnoException> {
  yield* wait([future])
  return future.exception() as NodeJS.ErrnoException
}

testOnLoop('the addresses of localhost are loopback addresses, with the port', function* () {
  const found = yield* getRunningLoop().getaddrinfo('localhost', 8080)
  assert.notEqual(found.length, 0)
  for (const name of found) {
    assert.match(name.address, /^(127\.|::1$)/)
    assert.deepEqual([...name], [name.address, 8080])
    assert.equal(name.port, 8080)
    assert.equal(name.family, name.address.includes(':') ? 'IPv6' : 'IPv4')
  }
})

testOnLoop('family and flags narrow what is found', function* () {
  const found = yield* getRunningLoop().getaddrinfo('localhost', 80, {
    family: 4,
    flags: ADDRCONFIG,
  })
  assert.deepEqual(
    found.map(({ family }) => family),
    found.map(() => 'IPv4'),
  )
  assert.equal(found[0]!.address, '127.0.0.1')
})

testOnLoop('an address stands for itself, and without a port it has port 0', function* () {
  const loop = getRunningLoop()
  for (const address of ['192.0.2.7', '2001:db8::7', 'fe80::1%lo']) {
    const found = yield* loop.getaddrinfo(address)
    assert.deepEqual(
      found.map((name) => [...name]),
      [[address, 0]],
    )
  }
})

testOnLoop(
  'null is this host by its loopback addresses, in the order of getaddrinfo(3)',
  function* () {
    const loop = getRunningLoop()
    const both = yield* loop.getaddrinfo(null, 1)
    assert.deepEqual(
      both.map(({ address }) => address),
      ['::1', '127.0.0.1'],
    )
    const [only, ...others] = yield* loop.getaddrinfo(null, 1, { family: 4 })
    assert.equal(only!.address, '127.0.0.1')
    assert.deepEqual(others, [])
  },
)

testOnLoop('what is found can be connected to', function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => ({}), '127.0.0.1', 0)
  const [name] = yield* loop.getaddrinfo('127.0.0.1', server.sockets[0]!.port)
  const { transport } = yield* loop.createConnection(() => ({}), name!.address, name!.port)
  assert.deepEqual(transport.getExtraInfo('peername'), name)
  transport.abort()
  server.close()
  yield* server.waitClosed()
})

testOnLoop('an unknown name is ENOTFOUND, with the name', function* () {
  const error = yield* failureOf(getRunningLoop().getaddrinfo('no-such-host.invalid', 80))
  // Without a network, the resolver says that it cannot say.
  assert.match(String(error.code), /^(ENOTFOUND|EAI_AGAIN)$/)
  assert.equal(error.syscall, 'getaddrinfo')
  assert.equal((error as { hostname?: string }).hostname, 'no-such-host.invalid')
})

testOnLoop('an address of the other family is ENOTFOUND', function* () {
  const loop = getRunningLoop()
  for (const [host, family] of [
    ['127.0.0.1', 6],
    ['::1', 4],
  ] as const) {
    const error = yield* failureOf(loop.getaddrinfo(host, 80, { family }))
    const { code, syscall, hostname } = error as NodeJS.ErrnoException & { hostname: string }
    assert.deepEqual([code, syscall, hostname], ['ENOTFOUND', 'getaddrinfo', host])
  }
})

testOnLoop('a lookup that is cancelled is abandoned', function* () {
  const lookup = getRunningLoop().getaddrinfo('localhost', 80)
  lookup.cancel()
  yield* wait([lookup])
  assert.equal(lookup.cancelled(), true)
  const naming = getRunningLoop().getnameinfo(['127.0.0.1', 80])
  yield* getRunningLoop().getaddrinfo('127.0.0.1')
  naming.cancel()
  yield* wait([naming])
  assert.equal(naming.cancelled(), true)
})

testOnLoop('the names of a host and a service, or numbers where they are asked for', function* () {
  const loop = getRunningLoop()
  const name = yield* loop.getnameinfo(['127.0.0.1', 80])
  assert.equal(name.host, 'localhost')
  assert.deepEqual([...name], [name.host, name.service])
  const { service } = name
  const cases = [
    [{ numericHost: true }, ['127.0.0.1', service]],
    [{ numericService: true }, ['localhost', '80']],
    [{ numericHost: true, numericService: true }, ['127.0.0.1', '80']],
  ] as const
  for (const [options, expected] of cases) {
    assert.deepEqual([...(yield* loop.getnameinfo(['127.0.0.1', 80], options))], expected)
  }
})

testOnLoop('an address without a name is given as it is, unless a name is required', function* () {
  const loop = getRunningLoop()
  const at = ['127.0.0.1', 80] as const
  const { service } = yield* loop.getnameinfo(at)
  // A network for documentation (RFC 5737): nobody has a name there.
  const nameless = ['192.0.2.1', 80] as const
  assert.deepEqual([...(yield* loop.getnameinfo(nameless))], ['192.0.2.1', service])
  const error = yield* failureOf(loop.getnameinfo(nameless, { nameRequired: true }))
  assert.equal(error.code, 'ENOTFOUND')
})

test('wrong arguments are refused at once', () => {
  const loop = newEventLoop()
  const type = 'ERR_INVALID_ARG_TYPE'
  const range = 'ERR_OUT_OF_RANGE'
  const lookups: [unknown, unknown, unknown, string][] = [
    [undefined, 80, {}, type],
    [5, 80, {}, type],
    ['', 80, {}, range],
    ['a', '80', {}, type],
    ['a', 70_000, {}, range],
    ['a', 80, null, type],
    ['a', 80, { family: 5 }, range],
    ['a', 80, { family: 'IPv4' }, range],
    ['a', 80, { flags: '0' }, type],
    ['a', 80, { flags: -1 }, range],
  ]
  for (const [host, port, options, code] of lookups) {
    const look = () => loop.getaddrinfo(host as string, port as number, options as object)
    assert.throws(look, { code })
  }
  const addresses: [unknown, unknown, string][] = [
    ['127.0.0.1', {}, type],
    [['localhost', 80], {}, type],
    [['127.0.0.1'], {}, type],
    [['127.0.0.1', -1], {}, range],
    [['127.0.0.1', 80], null, type],
  ]
  for (const [address, options, code] of addresses) {
    const look = () => loop.getnameinfo(address as [string, number], options as object)
    assert.throws(look, { code })
  }
  loop.close()
  assert.throws(() => loop.getaddrinfo('a'), { code: 'ERR_EVENT_LOOP_CLOSED' })
  assert.throws(() => loop.getnameinfo(['::1', 1]), { code: 'ERR_EVENT_LOOP_CLOSED' })
})

testOnLoop('an interface belongs to an IPv6 address alone', function* () {
  const loop = getRunningLoop()
  const failure = yield* failureOf(loop.getaddrinfo('127.0.0.1%lo', 80))
  assert.equal(failure.code, 'ENOTFOUND')
  const [found] = yield* loop.getaddrinfo('fe80::1%br_lan', 80)
  assert.deepEqual([found!.address, found!.family], ['fe80::1%br_lan', 'IPv6'])
  for (const address of ['127.0.0.1%lo', '::1%']) {
    assert.throws(() => loop.getnameinfo([address, 80]), { code: 'ERR_INVALID_ARG_TYPE' })
  }
})
