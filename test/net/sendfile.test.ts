// loop.sendfile: files into sockets, whole and in parts, behind what was written and before what comes
// next; what it fails with, and what is left of it when it is cancelled.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  backendInfo,
  type Coroutine,
  type Future,
  gather,
  getRunningLoop,
  type SendableFile,
  sleep,
  type Transport,
  wrap,
} from 'gyre'
import { canCountDescriptors, openDescriptors } from '../lifetime/descriptors.js'
import { failure } from './failure.js'
import { testOnLoop } from './on_loop.js'
import { connectPair, type Pair, withPair } from './pair.js'
import { Recorder } from './recorder.js'

const directory = mkdtempSync(join(tmpdir(), 'gyre-sendfile-'))
after(() => rmSync(directory, { recursive: true }))

const BYTES = 3_000_000
const content = randomBytes(BYTES)
const path = join(directory, 'file')
writeFileSync(path, content)

/** More than the buffers of any socket hold: zeros, which take no room on the disk. */
const HUGE_BYTES = 64 * 1024 * 1024
const huge = join(directory, 'huge')
writeFileSync(huge, '')
truncateSync(huge, HUGE_BYTES)

const keepOpen = { eofReceived: () => true }

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** What the other end received by its end. */
function* receivedBy(end: Recorder): Coroutine<Buffer> {
  yield* end.until(() => end.count('eofReceived') === 1)
  return end.received
}

/** Two ends of a Unix connection. */
function* connectUnixPair(): Coroutine<Pair> {
  const loop = getRunningLoop()
  const place = join(directory, `s${Math.random()}`)
  const accepted = new Recorder(keepOpen)
  const server = yield* loop.createUnixServer(() => accepted, place)
  const { protocol: client } = yield* loop.createUnixConnection(() => new Recorder(keepOpen), place)
  yield* accepted.until(() => accepted.calls.length > 0)
  return { server, client, accepted }
}

function* end({ server, client, accepted }: Pair): Coroutine<void> {
  client.transport.abort()
  accepted.transport.abort()
  server.close()
  yield* server.waitClosed()
}

for (const [what, connect] of Object.entries({ TCP: connectPair, Unix: connectUnixPair })) {
  testOnLoop(
    `a file goes over a ${what} socket between what is written before and after`,
    function* () {
      const pair = yield* connect({ client: keepOpen, accepted: keepOpen })
      const { client, accepted } = pair
      const { transport } = client
      transport.write('before')
      transport.write(Buffer.alloc(500_000, 'b'))
      const sent = yield* getRunningLoop().sendfile(transport, path)
      assert.equal(sent, BYTES)
      transport.write('after')
      transport.writeEof()
      const expected = ['before', Buffer.alloc(500_000, 'b'), content, 'after'].map((part) =>
        Buffer.from(part),
      )
      assert.equal(sha256(yield* receivedBy(accepted)), sha256(Buffer.concat(expected)))
      yield* end(pair)
    },
  )
}

testOnLoop('a file is a path, a URL, a FileHandle or a descriptor', function* () {
  const handle = yield* wrap(open(path))
  const fd = openSync(path, 'r')
  const files: SendableFile[] = [path, pathToFileURL(path), handle, fd]
  for (const file of files) {
    yield* withPair(function* ({ client, accepted }) {
      assert.equal(yield* getRunningLoop().sendfile(client.transport, file), BYTES)
      client.transport.writeEof()
      assert.equal(sha256(yield* receivedBy(accepted)), sha256(content))
    })
  }
  // What was given open stays open.
  assert.equal((yield* wrap(handle.stat())).size, BYTES)
  yield* wrap(handle.close())
  closeSync(fd)
})

const parts: [offset: number, count: number | undefined, sent: number][] = [
  [0, 1, 1],
  [1, 70_000, 70_000],
  [BYTES - 1, undefined, 1],
  [BYTES, undefined, 0],
  [BYTES + 5, 10, 0],
  [BYTES - 10, 100, 10],
  [123_456, undefined, BYTES - 123_456],
]
for (const [offset, count, expected] of parts) {
  testOnLoop(`from ${offset}, ${count ?? 'all'} bytes of a file are ${expected}`, function* () {
    yield* withPair(function* ({ client, accepted }) {
      const sent = yield* getRunningLoop().sendfile(client.transport, path, offset, count)
      assert.equal(sent, expected)
      client.transport.writeEof()
      const received = yield* receivedBy(accepted)
      assert.equal(sha256(received), sha256(content.subarray(offset, offset + expected)))
    })
  })
}

testOnLoop('an empty file is sent', function* () {
  const empty = join(directory, 'empty')
  writeFileSync(empty, '')
  yield* withPair(function* ({ client }) {
    assert.equal(yield* getRunningLoop().sendfile(client.transport, empty), 0)
    assert.equal(yield* getRunningLoop().sendfile(client.transport, path, 0, 5), 5)
  })
})

testOnLoop('while a file is sent, nothing else can be written', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    const loop = getRunningLoop()
    const sending = loop.sendfile(client.transport, huge)
    const busy = { name: 'RuntimeError', code: 'ERR_SENDFILE_IN_PROGRESS' }
    for (let turn = 0; turn < 3; turn++) {
      assert.throws(() => client.transport.write('x'), busy)
      assert.throws(() => client.transport.writeEof(), busy)
      assert.throws(() => loop.sendfile(client.transport, path), busy)
      yield* sleep(1)
    }
    assert.equal(sending.done(), false)
    accepted.transport.resumeReading()
    assert.equal(yield* sending, HUGE_BYTES)
    client.transport.write('x')
    client.transport.writeEof()
    assert.equal((yield* receivedBy(accepted)).length, HUGE_BYTES + 1)
  })
})

testOnLoop('a peer that does not read holds the file up, and no memory fills', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    const sending = getRunningLoop().sendfile(client.transport, huge)
    for (let i = 0; i < 20; i++) {
      yield* sleep(2)
      // The mark, and the piece that crossed it.
      assert.ok(client.transport.getWriteBufferSize() <= 2 * 64 * 1024)
    }
    assert.equal(sending.done(), false)
    accepted.chunks.length = 0
    let length = 0
    accepted.chunks.push = (chunk: Buffer) => {
      length += chunk.length
      return 0
    }
    accepted.transport.resumeReading()
    assert.equal(yield* sending, HUGE_BYTES)
    client.transport.close()
    yield* accepted.until(() => accepted.count('eofReceived') === 1)
    assert.equal(length, HUGE_BYTES)
  })
})

testOnLoop('close() waits for the end of the file', function* () {
  yield* withPair(function* ({ client, accepted }) {
    accepted.transport.pauseReading()
    const sending = getRunningLoop().sendfile(client.transport, huge)
    yield* sleep(2)
    client.transport.close()
    assert.equal(client.transport.isClosing(), true)
    yield* sleep(2)
    assert.equal(client.isLost, false)
    accepted.transport.resumeReading()
    assert.equal(yield* sending, HUGE_BYTES)
    assert.equal(yield* client.untilLost(), null)
    assert.equal((yield* receivedBy(accepted)).length, HUGE_BYTES)
  })
})

testOnLoop('both ends can send a file at once, and receive meanwhile', function* () {
  yield* withPair(
    function* ({ client, accepted }) {
      const loop = getRunningLoop()
      const both = [client, accepted].map(({ transport }) => loop.sendfile(transport, path))
      assert.deepEqual(yield* gather(both), [BYTES, BYTES])
      client.transport.writeEof()
      accepted.transport.writeEof()
      for (const side of [client, accepted])
        assert.equal(sha256(yield* receivedBy(side)), sha256(content))
    },
    { client: keepOpen, accepted: keepOpen },
  )
})

testOnLoop('aborting fails the sending, and so does a peer that goes away', function* () {
  const loop = getRunningLoop()
  const breakers: ((pair: Pair) => void)[] = [
    ({ client }) => client.transport.abort(),
    ({ accepted }) => accepted.transport.abort(),
  ]
  for (const [index, breaks] of breakers.entries()) {
    yield* withPair(function* (pair) {
      pair.accepted.transport.pauseReading()
      const sending = loop.sendfile(pair.client.transport, huge)
      yield* sleep(3)
      breaks(pair)
      const error = yield* failure(sending)
      const expected = index === 0 ? /^ERR_TRANSPORT_CLOSING$/ : /^(EPIPE|ECONNRESET)$/
      assert.match(String(error.code), expected)
      yield* pair.client.untilLost()
    })
  }
})

testOnLoop('cancelling in mid-file drops the connection, at whatever turn', function* () {
  // The loop's own are opened when they are needed first.
  yield* withPair(function* () {
    yield* sleep(1)
  })
  const before = countDescriptors()
  for (let turns = 0; turns < 12; turns++) {
    yield* withPair(function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      const sending = getRunningLoop().sendfile(client.transport, huge)
      for (let turn = 0; turn < turns; turn++) yield* sleep(0)
      assert.equal(sending.cancel(), true)
      yield* gather([sending], { returnExceptions: true })
      assert.equal(sending.cancelled(), true)
      if (!client.transport.isClosing()) {
        // Nothing had gone out, so that nothing is lost.
        client.transport.write('intact')
        client.transport.writeEof()
        accepted.transport.resumeReading()
        assert.equal(String(yield* receivedBy(accepted)), 'intact')
      }
    })
  }
  yield* settled(before)
})

/** How many descriptors are open; 0 where the system does not say. */
function countDescriptors(): number {
  return canCountDescriptors ? openDescriptors().length : 0
}

/** All descriptors that were opened since are closed; libuv's threads, which do it, may be long about it. */
function* settled(before: number): Coroutine<void> {
  for (let i = 0; i < 5_000 && countDescriptors() > before; i++) yield* sleep(2)
  assert.ok(countDescriptors() <= before, `${countDescriptors()} descriptors, ${before} before`)
}

testOnLoop('sending many files leaves no descriptor', function* () {
  yield* withPair(function* ({ client, accepted }) {
    yield* getRunningLoop().sendfile(client.transport, path, 0, 10)
    const before = countDescriptors()
    for (let i = 0; i < 20; i++) yield* getRunningLoop().sendfile(client.transport, path, i, 10)
    yield* failure(getRunningLoop().sendfile(client.transport, join(directory, 'none')))
    yield* settled(before)
    yield* accepted.untilReceived(210)
  })
})

testOnLoop(
  'what cannot be sent is an error on the future, and the connection goes on',
  function* () {
    const loop = getRunningLoop()
    const writable = openSync(join(directory, 'writable'), 'w')
    const bad: [SendableFile, string][] = [
      [join(directory, 'none'), 'ENOENT'],
      [directory, 'ERR_NOT_A_FILE'],
      ['/dev/null', 'ERR_NOT_A_FILE'],
      [2 ** 30, 'EBADF'],
    ]
    yield* withPair(function* ({ client, accepted }) {
      for (const [file, code] of bad) {
        assert.equal((yield* failure(loop.sendfile(client.transport, file))).code, code)
      }
      // A descriptor that cannot be read: an error of the file, which is empty of bytes besides.
      writeFileSync(join(directory, 'writable'), 'text')
      const unreadable = yield* failure(loop.sendfile(client.transport, writable))
      assert.equal(unreadable.code, 'EBADF')
      assert.equal((unreadable as unknown as { bytesSent: number }).bytesSent, 0)
      client.transport.write('on')
      client.transport.writeEof()
      assert.equal(String(yield* receivedBy(accepted)), 'on')
    })
    closeSync(writable)
  },
)

testOnLoop('wrong arguments are errors at once', function* () {
  yield* withPair(function* ({ client }) {
    const loop = getRunningLoop()
    const { transport } = client
    const type = { code: 'ERR_INVALID_ARG_TYPE' }
    const range = { code: 'ERR_OUT_OF_RANGE' }
    for (const file of [undefined, null, {}, true]) {
      assert.throws(() => loop.sendfile(transport, file as unknown as string), type)
    }
    assert.throws(() => loop.sendfile(transport, -1), range)
    assert.throws(() => loop.sendfile(transport, 1.5), range)
    assert.throws(() => loop.sendfile(null as unknown as Transport, path), type)
    assert.throws(() => loop.sendfile({} as Transport, path), type)
    assert.throws(() => loop.sendfile(transport, path, -1), range)
    assert.throws(() => loop.sendfile(transport, path, 0, 0), range)
    assert.throws(() => loop.sendfile(transport, path, 0, Number.NaN), range)
    assert.throws(() => loop.sendfile(transport, path, '0' as unknown as number), type)
    assert.throws(() => loop.sendfile(transport, path, 0, 1, null as never), type)
    transport.write('free still')
    transport.writeEof()
    assert.throws(() => loop.sendfile(transport, path), { code: 'ERR_WRITE_AFTER_EOF' })
    transport.close()
    assert.throws(() => loop.sendfile(transport, path), { code: 'ERR_TRANSPORT_CLOSING' })
  })
})

testOnLoop('without a fallback the kernel must do it, or nobody', function* () {
  yield* withPair(function* ({ client }) {
    const sending: Future<number> = getRunningLoop().sendfile(client.transport, path, 0, 10, {
      fallback: false,
    })
    if (backendInfo().name === 'native') assert.equal(yield* sending, 10)
    else assert.equal((yield* failure(sending)).code, 'ERR_NOT_SUPPORTED')
  })
})
