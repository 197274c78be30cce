// TLS that begins on a connection in any state: what was sent, received or held before is not lost, and
// whatever comes of the handshake, no socket is left.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import {
  backendInfo,
  type Coroutine,
  createTask,
  gather,
  getRunningLoop,
  openConnection,
  type StreamHandler,
  type StreamReader,
  sleep,
  type Transport,
} from 'gyre'
import { canCountDescriptors, countSockets } from '../lifetime/descriptors.js'
import { testOnLoop } from '../net/on_loop.js'
import { type Pair, portOf, withPair } from '../net/pair.js'
import type { Recorder } from '../net/recorder.js'
import { codeOf } from '../thrown.js'
import { ca, server as identity } from './certificates.js'
import { connectTo, echo, hangUp, serving } from './serving.js'

const clientTls = { ca, servername: 'localhost' }
const serverTls = { ...identity, isServer: true as const }
const notCounting = canCountDescriptors ? false : 'the system does not show its descriptors'

function* startBoth({ client, accepted }: Pair): Coroutine<[Transport, Transport]> {
  const loop = getRunningLoop()
  return yield* gather(
    loop.startTls(client.transport, client, clientTls),
    loop.startTls(accepted.transport, accepted, serverTls),
  )
}

/** Lets what is on its way on the loopback arrive. */
function* settle(): Coroutine<void> {
  for (let turn = 0; turn < 20; turn++) yield* sleep(1)
}

testOnLoop('TLS begins behind bytes that are not sent yet', function* () {
  const loop = getRunningLoop()
  yield* withPair(function* ({ client, accepted }) {
    client.transport.pauseReading()
    const plain = randomBytes(8 * 1024 * 1024)
    accepted.transport.write(plain)
    assert.ok(accepted.transport.getWriteBufferSize() > 0)
    const accepting = loop.startTls(accepted.transport, accepted, serverTls)
    yield* settle()
    assert.equal(accepting.done(), false)
    client.transport.resumeReading()
    assert.deepEqual(yield* client.untilReceived(plain.length), plain)
    const secured = yield* loop.startTls(client.transport, client, clientTls)
    client.chunks.length = 0
    ;(yield* accepting).write('secret')
    assert.equal(String(yield* client.untilReceived(6)), 'secret')
    secured.write('and back')
    assert.equal(String(yield* accepted.untilReceived(8)), 'and back')
  })
})

testOnLoop('what was written in the same turn arrives before TLS begins', function* () {
  yield* withPair(function* (pair) {
    const { client, accepted } = pair
    const greeting = randomBytes(3_000)
    accepted.transport.write(greeting.subarray(0, 1_000))
    accepted.transport.write(greeting.subarray(1_000))
    const accepting = getRunningLoop().startTls(accepted.transport, accepted, serverTls)
    assert.deepEqual(yield* client.untilReceived(greeting.length), greeting)
    yield* gather(getRunningLoop().startTls(client.transport, client, clientTls), accepting)
  })
})

testOnLoop('a hello that a paused transport has not read is the beginning of TLS', function* () {
  const loop = getRunningLoop()
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    const connecting = loop.startTls(client.transport, client, clientTls)
    yield* settle()
    const upper = yield* loop.startTls(accepted.transport, accepted, serverTls)
    const secured = yield* connecting
    secured.write('through')
    assert.equal(String(yield* accepted.untilReceived(7)), 'through')
    upper.write('back')
    assert.equal(String(yield* client.untilReceived(4)), 'back')
  })
})

testOnLoop('a hello that comes in pieces, some before TLS begins, is put together', function* () {
  // The handler takes as much in plain text, so that pieces lie in the reader, in the transport, in the
  // socket, or come later.
  const upgrading: StreamHandler = function* (reader, writer) {
    yield* reader.readexactly(1)
    yield* writer.startTls(identity)
    yield* echo(reader, writer)
  }
  for (const pieceBytes of [1, 3, 50, 200]) {
    yield* serving(upgrading, null, function* (port) {
      yield* relaying(port, pieceBytes, function* (relayPort) {
        const pair = yield* openConnection('127.0.0.1', relayPort)
        const { reader, writer } = pair
        writer.write('!')
        yield* writer.startTls(clientTls)
        const sent = randomBytes(40_000)
        writer.write(sent)
        assert.deepEqual(yield* reader.readexactly(sent.length), sent)
        yield* hangUp(pair)
      })
    })
  }
})

/** Relays to `port`, and cuts the first of what clients send into pieces that come one at a time. */
function* relaying(
  port: number,
  pieceBytes: number,
  body: (relayPort: number) => Coroutine<void>,
): Coroutine<void> {
  const relay: StreamHandler = function* (reader, writer) {
    const target = yield* openConnection('127.0.0.1', port)
    const back = createTask(pump(target.reader, writer.transport))
    for (let count = 0; count < 60; count++) {
      const piece = yield* reader.read(pieceBytes)
      if (piece.length === 0) break
      target.writer.write(piece)
      yield* sleep(count % 2)
    }
    yield* pump(reader, target.writer.transport)
    yield* gather(back)
  }
  yield* serving(relay, null, body)
}

function* pump(reader: StreamReader, to: Transport): Coroutine<void> {
  for (;;) {
    const data = yield* reader.read(64 * 1024)
    if (data.length === 0) break
    to.write(data)
  }
  to.close()
}

for (const says of ['nothing', 'half a hello']) {
  testOnLoop(`a peer that says ${says} and ends leaves nothing to begin TLS on`, function* () {
    const loop = getRunningLoop()
    for (const isPaused of [false, true]) {
      yield* withPair(function* ({ client, accepted }) {
        if (isPaused) accepted.transport.pauseReading()
        const accepting = loop.startTls(accepted.transport, accepted, serverTls)
        if (says !== 'nothing') client.transport.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1]))
        client.transport.writeEof()
        const [outcome] = yield* gather([accepting], { returnExceptions: true })
        assert.equal(codeOf(outcome), 'ECONNRESET')
        assert.equal(yield* accepted.untilLost(), outcome)
        yield* client.untilLost()
      })
    }
  })
}

testOnLoop('an end that came while the transport was paused is told as one', function* () {
  const loop = getRunningLoop()
  for (const hello of [Buffer.alloc(0), Buffer.from([22, 3, 1, 2, 0, 1, 0, 1])]) {
    yield* withPair(function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      client.transport.write(hello)
      client.transport.writeEof()
      yield* settle()
      const accepting = loop.startTls(accepted.transport, accepted, serverTls)
      const [outcome] = yield* gather([accepting], { returnExceptions: true })
      assert.equal(codeOf(outcome), 'ECONNRESET')
      assert.equal(yield* accepted.untilLost(), outcome)
    })
  }
})

testOnLoop(
  'an upgrade that is cancelled in any turn leaves no socket',
  function* () {
    const loop = getRunningLoop()
    const before = countSockets()
    for (let turns = 1; turns <= 12; turns++) {
      yield* withPair(function* ({ client, accepted }) {
        const both = [
          loop.startTls(client.transport, client, clientTls),
          loop.startTls(accepted.transport, accepted, serverTls),
        ]
        for (let turn = 0; turn < turns; turn++) yield* sleep(turn < 4 ? 0 : 1)
        const cancelled = both[turns % 2]!
        if (!cancelled.cancel()) (yield* cancelled).abort()
        yield* gather(both, { returnExceptions: true })
        yield* gather(client.untilLost(), accepted.untilLost())
        assert.deepEqual([client, accepted].map(connectionsLost), [1, 1])
      })
    }
    yield* untilSockets(before)
  },
  notCounting,
)

function connectionsLost(end: Recorder): number {
  return end.count('connectionLost')
}

testOnLoop(
  'handshakes that fail and connections that end leave no socket',
  function* () {
    const before = countSockets()
    yield* serving(echo, {}, function* (port) {
      for (let i = 0; i < 10; i++) {
        const refused = openConnection({
          host: '127.0.0.1',
          port,
          tls: { servername: 'localhost' },
        })
        const [outcome] = yield* gather([refused], { returnExceptions: true })
        assert.equal(codeOf(outcome), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
        const pair = yield* connectTo(port)
        pair.writer.write('x')
        yield* pair.reader.readexactly(1)
        if (i % 2 === 0) yield* hangUp(pair)
        else pair.writer.transport.abort()
      }
    })
    yield* untilSockets(before)
  },
  notCounting,
)

/** Waits for `wanted` open sockets; libuv closes in a turn of its own. */
function* untilSockets(wanted: number): Coroutine<void> {
  for (let i = 0; i < 500 && countSockets() !== wanted; i++) yield* sleep(2)
  assert.equal(countSockets(), wanted)
}

testOnLoop(
  'a socket that Node does not take is closed, and told as lost',
  function* () {
    const loop = getRunningLoop()
    const before = countSockets()
    const { Socket } = net
    const refusal = Object.assign(new Error('refused'), { code: 'EINVAL' })
    yield* withPair(function* (pair) {
      const { accepted, client } = pair
      net.Socket = class {
        constructor() {
          throw refusal
        }
      } as never
      try {
        const upgrade = loop.startTls(accepted.transport, accepted, serverTls)
        const [outcome] = yield* gather([upgrade], { returnExceptions: true })
        assert.equal(outcome, refusal)
      } finally {
        net.Socket = Socket
      }
      assert.equal(yield* accepted.untilLost(), refusal)
      yield* client.untilLost()
      assert.equal(connectionsLost(accepted), 1)
      pair.server.close()
      yield* pair.server.waitClosed()
    })
    yield* untilSockets(before)
  },
  notCounting || (backendInfo().name === 'native' ? false : 'the fallback makes no such socket'),
)

testOnLoop(
  'options of the socket hold on, and can be changed under TLS',
  function* () {
    yield* withPair(function* (pair) {
      const info = pair.accepted.transport.getExtraInfo('socket')!
      const { port } = pair.accepted.transport.getExtraInfo('peername') as { port: number }
      const until = (probed: boolean) => untilProbed(portOf(pair.server), port, probed)
      yield* until(false)
      info.setKeepAlive(true, 100)
      info.setNoDelay(false)
      const [, upper] = yield* startBoth(pair)
      yield* until(true)
      upper.getExtraInfo('socket')!.setKeepAlive(false)
      yield* until(false)
      info.setKeepAlive(true, 100)
      yield* until(true)
      info.setNoDelay(true)
    })
  },
  existsSync('/proc/net/tcp') ? false : 'the system does not show its connections',
)

/** Bytes that are not acknowledged yet have their timer shown first. */
function* untilProbed(ownPort: number, peerPort: number, expected: boolean): Coroutine<void> {
  for (let i = 0; i < 500 && probes(ownPort, peerPort) !== expected; i++) yield* sleep(2)
  assert.equal(probes(ownPort, peerPort), expected)
}

/** Whether the connection from `ownPort` waits to probe its peer: the timer of the kernel's list. */
function probes(ownPort: number, peerPort: number): boolean {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
  const ends = `:${hex(ownPort)} 0100007F:${hex(peerPort)} `
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((text) => text.includes(ends))
  assert.ok(line !== undefined)
  return / 02:[0-9A-F]{8} /.test(line)
}
