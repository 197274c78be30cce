// Bad input to what opens and uses connections: an error at once, of the right class and code, that names
// what was wrong; nothing is opened, and half of nothing is sent.

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import {
  getRunningLoop,
  openConnection,
  openReadPipe,
  openUnixConnection,
  StreamReader,
  startServer,
  startUnixServer,
} from 'gyre'
import { fromDuplex } from 'gyre/node'
import { failure } from './failure.js'
import { withFifo } from './fifo.js'
import { testOnLoop } from './on_loop.js'
import { portOf, withPair } from './pair.js'
import { until } from './until.js'

const HOST = '127.0.0.1'
const TYPE = 'ERR_INVALID_ARG_TYPE'

async function nothing(): Promise<void> {}

/** Each call must throw, naming `argument`. */
function refused(argument: string, code: string, calls: (() => unknown)[]): void {
  for (const call of calls) {
    assert.throws(call, (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, code, String(call))
      assert.match(error.message, new RegExp(`"${argument.replaceAll(/[.()]/g, '\\$&')}"`))
      return true
    })
  }
}

testOnLoop('options that are no object are refused, wherever they stand', function* () {
  const loop = getRunningLoop()
  for (const bad of [5, null, 'x'] as never[]) {
    refused('options', TYPE, [
      () => openConnection(HOST, 1, bad),
      () => loop.createConnection(() => ({}), HOST, 1, bad),
      () => startServer(nothing, HOST, 0, bad),
      () => loop.createServer(() => ({}), HOST, 0, bad),
      () => startUnixServer(nothing, '/nowhere', bad),
      () => loop.createUnixServer(() => ({}), '/nowhere', bad),
    ])
  }
  refused('streamOptions', TYPE, [
    () => openConnection({ host: HOST, port: 1 }, 5 as never),
    () => openUnixConnection('/nowhere', 5 as never),
  ])
})

testOnLoop('a server needs a port where it is given a host, also null', function* () {
  for (const host of [null, HOST, []] as never[]) {
    refused('port', TYPE, [
      () => startServer(nothing, host, undefined as never),
      () => getRunningLoop().createServer(() => ({}), host, undefined as never),
    ])
  }
})

testOnLoop('a switch is true or false, and nothing that looks like it', function* () {
  const loop = getRunningLoop()
  const ofServers = ['reuseAddress', 'reusePort', 'cleanupSocket', 'startServing'] as const
  const ofSockets = ['noDelay', 'keepAlive'] as const
  const ofEndpoints = ['reusePort', 'allowBroadcast', 'ipv6Only'] as const
  for (const bad of [1, 'yes', null] as never[]) {
    for (const name of [...ofServers, ...ofSockets]) {
      refused(`options.${name}`, TYPE, [() => startServer(nothing, HOST, 0, { [name]: bad })])
    }
    for (const name of ofSockets) {
      refused(`options.${name}`, TYPE, [() => openConnection(HOST, 1, { [name]: bad })])
    }
    for (const name of ofEndpoints) {
      const options = { [name]: bad }
      refused(`options.${name}`, TYPE, [() => loop.createDatagramEndpoint(() => ({}), options)])
    }
  }
})

testOnLoop('a host has no NUL in it, before which the system would stop reading', function* () {
  const loop = getRunningLoop()
  const host = `${HOST}\0.example.org`
  refused('host', 'ERR_OUT_OF_RANGE', [
    () => openConnection(host, 1),
    () => startServer(nothing, host, 0),
    () => startServer(nothing, [HOST, host], 0),
  ])
  refused('options.localAddr host', 'ERR_OUT_OF_RANGE', [
    () => loop.createDatagramEndpoint(() => ({}), { localAddr: [host, 0] }),
  ])
  refused('options.localAddress', 'ERR_OUT_OF_RANGE', [
    () => openConnection(HOST, 1, { localAddress: host }),
  ])
  refused('options.localAddress', TYPE, [
    () => openConnection(HOST, 1, { localAddress: 5 as never }),
  ])
  refused('options.localPort', 'ERR_OUT_OF_RANGE', [
    () => openConnection(HOST, 1, { localPort: 65_536 }),
  ])
})

testOnLoop('an async factory of protocols is told that it gives a promise', function* (reports) {
  const loop = getRunningLoop()
  // It fits every kind of protocol, and is none.
  const factory = (async () => ({})) as unknown as () => never
  const told = { code: TYPE, message: /"factory\(\)".*not a promise/ }
  const server = yield* loop.createServer(factory, HOST, 0)
  const calls = [
    loop.createConnection(factory, HOST, portOf(server)),
    loop.createDatagramEndpoint(factory, { localAddr: [HOST, 0] }),
    loop.subprocessExec(factory, process.execPath, ['--version']),
  ]
  for (const call of calls) {
    const { code, message } = yield* failure(call)
    assert.equal(code, told.code)
    assert.match(message, told.message)
  }
  // The server's own factory, for the connection above, is told to the loop.
  yield* until(() => reports.length > 0)
  assert.match(String(reports.splice(0)[0]?.exception), told.message)
  yield* withFifo(function* (fifo) {
    const error = yield* failure(loop.connectReadPipe(factory, fifo.readEnd))
    assert.match(error.message, told.message)
    const { reader } = yield* openReadPipe(fifo.handOver(fifo.readEnd))
    fifo.close(fifo.writeEnd)
    assert.equal((yield* reader.read()).length, 0)
  })
  assert.throws(() => fromDuplex(new PassThrough(), factory), told)
  yield* withPair(function* ({ client }) {
    const message = /"protocol".*not a promise/
    assert.throws(() => client.transport.setProtocol(factory()), { code: TYPE, message })
  })
  server.close()
  yield* server.waitClosed()
})

testOnLoop('of a list with something in it that cannot be written, nothing is sent', function* () {
  yield* withPair(function* ({ client, accepted }) {
    const { transport } = client
    for (const list of [5, null, undefined, {}] as never[]) {
      refused('list', TYPE, [() => transport.writelines(list)])
    }
    refused('list item', TYPE, [() => transport.writelines(['sent?', 5 as never])])
    const pieces = function* () {
      yield* ['a', Buffer.from('b'), new DataView(new ArrayBuffer(1))]
    }
    transport.writelines(pieces())
    transport.writelines([])
    assert.equal(String(yield* accepted.untilReceived(3)), 'ab\0')
  })
})

testOnLoop('what is fed to a reader must be bytes: nothing else is taken for none', function* () {
  const reader = new StreamReader()
  const others = [5, undefined, null, 'text', [1], new DataView(new ArrayBuffer(1))] as never[]
  for (const data of others) refused('data', TYPE, [() => reader.feedData(data)])
  refused('options', TYPE, [() => new StreamReader(null as never)])
  reader.feedEof()
  assert.equal((yield* reader.read()).length, 0)
})

testOnLoop(
  'under TLS, too, a factory must make a protocol, before anything is spoken',
  function* () {
    const server = yield* getRunningLoop().createServer(() => ({}), HOST, 0)
    const options = { host: HOST, port: portOf(server), tls: true as const }
    const factory = () => undefined as never
    const error = yield* failure(getRunningLoop().createConnection(factory, options))
    assert.equal(error.code, TYPE)
    assert.match(error.message, /"factory\(\)"/)
    server.close()
    yield* server.waitClosed()
  },
)
