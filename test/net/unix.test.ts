// Unix sockets: paths and abstract names, the file that a server makes, and what may lie in its way.

import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import {
  backendInfo,
  type Coroutine,
  type Future,
  gather,
  getRunningLoop,
  openConnection,
  openUnixConnection,
  run,
  Server,
  type StreamPair,
  type StreamReader,
  type StreamWriter,
  sleep,
  startServer,
  startUnixServer,
  wrap,
} from 'gyre'
import { canCountDescriptors, countSockets } from '../lifetime/descriptors.js'
import { failure } from './failure.js'
import { testOnLoop } from './on_loop.js'
import { Recorder } from './recorder.js'

const directory = mkdtempSync(join(tmpdir(), 'gyre-unix-'))
after(() => rmSync(directory, { recursive: true }))

let made = 0
function freshPath(): string {
  return join(directory, `s${made++}`)
}

function* echo(reader: StreamReader, writer: StreamWriter): Coroutine<void> {
  const data = yield* reader.read()
  writer.write(data)
  writer.close()
}

function* over(server: Server): Coroutine<void> {
  server.close()
  server.abortClients()
  yield* server.waitClosed()
}

/** What comes back through an echo. */
function* talk(path: string, text: string): Coroutine<string> {
  const { reader, writer } = yield* openUnixConnection(path)
  writer.write(text)
  writer.writeEof()
  const answer = yield* reader.read()
  writer.close()
  yield* writer.waitClosed()
  return answer.toString()
}

const places: Record<string, () => string> = { 'a path': freshPath }
const hasAbstractNames = backendInfo().name === 'native'
if (hasAbstractNames) {
  places['an abstract name'] = () => `\0gyre-test-${process.pid}-${made++}`
}

for (const [what, makePath] of Object.entries(places)) {
  testOnLoop(`streams go over ${what}`, function* () {
    const path = makePath()
    const server = yield* startUnixServer(echo, path)
    assert.equal(yield* talk(path, 'by path'), 'by path')
    yield* over(server)
  })

  testOnLoop(`the option objects take ${what}`, function* () {
    const path = makePath()
    const server = yield* startServer(echo, { path })
    const { reader, writer } = yield* openConnection({ path })
    writer.write('by options')
    writer.writeEof()
    assert.equal(String(yield* reader.read()), 'by options')
    writer.close()
    yield* over(server)
  })

  testOnLoop(`protocols over ${what} know the names of both ends`, function* () {
    const loop = getRunningLoop()
    const path = makePath()
    const accepted = new Recorder()
    const server = yield* loop.createUnixServer(() => accepted, path)
    const [socket] = server.sockets
    assert.deepEqual([socket!.host, socket!.port, socket!.family], [path, 0, 'Unix'])
    const { transport, protocol } = yield* loop.createUnixConnection(() => new Recorder(), path)
    yield* accepted.until(() => accepted.calls.length > 0)
    const name = { address: path, port: 0, family: 'Unix' }
    const nameless = { address: '', port: 0, family: 'Unix' }
    const look = (found: object | null) => ({ ...found }) as Record<string, unknown>
    const read = (found: object | null) => {
      const { address, port, family } = look(found)
      return { address, port, family }
    }
    const ends = [
      [transport.getExtraInfo('peername'), name],
      [transport.getExtraInfo('sockname'), nameless],
      [accepted.transport.getExtraInfo('peername'), nameless],
      [accepted.transport.getExtraInfo('sockname'), name],
    ] as const
    for (const [found, expected] of ends) assert.deepEqual(read(found), expected)
    transport.close()
    yield* protocol.untilLost()
    assert.deepEqual(read(transport.getExtraInfo('peername')), name)
    yield* over(server)
  })

  // The names that Node 20 makes of abstract names are not those of other programs.
  if (what === 'a path')
    testOnLoop(`node:net connects to a server at ${what}, and serves one`, function* () {
      const path = makePath()
      const server = yield* startUnixServer(echo, path)
      const socket = net.connect({ path, allowHalfOpen: true })
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.end('from node')
      yield* wrap(new Promise((resolve) => socket.on('end', resolve)))
      assert.equal(String(Buffer.concat(chunks)), 'from node')
      yield* over(server)
      const other = net.createServer({ allowHalfOpen: true }, (peer) => peer.pipe(peer))
      yield* wrap(new Promise<void>((resolve) => other.listen({ path }, resolve)))
      assert.equal(yield* talk(path, 'to node'), 'to node')
      other.close()
    })

  testOnLoop(`a second server at ${what} is EADDRINUSE, and the first goes on`, function* () {
    const path = makePath()
    const first = yield* startUnixServer(echo, path)
    const error = yield* failure(startUnixServer(echo, path))
    const { code, syscall, message } = error
    assert.deepEqual({ code, syscall }, { code: 'EADDRINUSE', syscall: 'listen' })
    assert.equal(message, `listen EADDRINUSE ${path}`)
    assert.equal((error as unknown as { address: string }).address, path)
    assert.equal(yield* talk(path, 'still there'), 'still there')
    yield* over(first)
    const second = yield* startUnixServer(echo, path)
    yield* over(second)
  })
}

if (!hasAbstractNames) {
  testOnLoop('an abstract name is a NotSupportedError on the fallback', function* () {
    const path = '\0gyre-test'
    assert.equal((yield* failure(startUnixServer(echo, path))).code, 'ERR_NOT_SUPPORTED')
    assert.equal((yield* failure(openUnixConnection(path))).code, 'ERR_NOT_SUPPORTED')
  })
}

testOnLoop('the file of a server goes when it is closed', function* () {
  const path = freshPath()
  const server = yield* startUnixServer(echo, path)
  assert.equal(lstatSync(path).isSocket(), true)
  server.close()
  assert.equal(existsSync(path), false)
  yield* over(server)
})

test('the file of a server goes with its loop', async () => {
  const path = freshPath()
  await run(function* () {
    yield* startUnixServer(echo, path)
    assert.equal(existsSync(path), true)
  })
  assert.equal(existsSync(path), false)
})

testOnLoop('the file stays with cleanupSocket: false, and is no hindrance', function* () {
  const path = freshPath()
  const first = yield* startUnixServer(echo, path, { cleanupSocket: false })
  yield* over(first)
  assert.equal(existsSync(path), true)
  const error = yield* failure(openUnixConnection(path))
  assert.equal(error.code, 'ECONNREFUSED')
  // Stale now: nobody listens.
  const second = yield* startUnixServer(echo, path)
  assert.equal(yield* talk(path, 'again'), 'again')
  yield* over(second)
  assert.equal(existsSync(path), false)
})

testOnLoop('a server leaves a file alone that is no longer its own', function* () {
  const path = freshPath()
  const first = yield* startUnixServer(echo, path)
  rmSync(path)
  const second = yield* startUnixServer(echo, path)
  yield* over(first)
  assert.equal(yield* talk(path, 'second'), 'second')
  yield* over(second)
  const third = yield* startUnixServer(echo, path)
  renameSync(path, `${path}-moved`)
  writeFileSync(path, 'not a socket')
  yield* over(third)
  assert.equal(existsSync(path), true)
  rmSync(path)
})

testOnLoop('what is no socket is not replaced', function* () {
  const path = freshPath()
  writeFileSync(path, 'precious')
  const error = yield* failure(startUnixServer(echo, path))
  assert.deepEqual([error.code, error.syscall], ['EADDRINUSE', 'listen'])
  assert.equal(lstatSync(path).size, 8)
  const refused = yield* failure(openUnixConnection(path))
  assert.deepEqual([refused.code, refused.syscall], ['ECONNREFUSED', 'connect'])
})

testOnLoop('a directory that is not there is an error with the fields of Node', function* () {
  const path = join(directory, 'missing', 's')
  for (const [future, syscall] of [
    [startUnixServer(echo, path), 'listen'],
    [openUnixConnection(path), 'connect'],
  ] as const) {
    const error = yield* failure(future)
    assert.equal(error.code, 'ENOENT')
    assert.equal(error.syscall, syscall)
    assert.equal((error as unknown as { address: string }).address, path)
  }
})

testOnLoop('paths that cannot be are errors at once', function* () {
  const loop = getRunningLoop()
  const bad: [unknown, string][] = [
    ['', 'ERR_OUT_OF_RANGE'],
    ['p'.repeat(108), 'ERR_OUT_OF_RANGE'],
    ['\0'.padEnd(109, 'n'), 'ERR_OUT_OF_RANGE'],
    ['ü'.repeat(54), 'ERR_OUT_OF_RANGE'],
    ['nul\0inside', 'ERR_OUT_OF_RANGE'],
    [5, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ]
  for (const [value, code] of bad) {
    const path = value as string
    assert.throws(() => startUnixServer(echo, path), { code })
    assert.throws(() => openUnixConnection(path), { code })
    assert.throws(() => openConnection({ path }), { code })
    assert.throws(() => loop.createUnixServer(() => ({}), path), { code })
    assert.throws(() => loop.createUnixConnection(() => ({}), path), { code })
    assert.throws(() => startServer(echo, { path }), { code })
  }
  const both = { path: '/tmp/x', port: 1 }
  assert.throws(() => openConnection(both), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => startServer(echo, both), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => startServer(echo, { path: '/tmp/x', host: 'localhost' }), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
})

testOnLoop('the longest path is a path', function* () {
  const path = join(directory, 'p'.repeat(107 - directory.length - 1))
  assert.equal(path.length, 107)
  const server = yield* startUnixServer(echo, path)
  assert.equal(yield* talk(path, 'long'), 'long')
  yield* over(server)
  assert.equal(existsSync(path), false)
})

test('cancelling a connection or a server in its making leaves nothing', {
  skip: !canCountDescriptors && 'descriptors cannot be counted here',
}, async () => {
  const before = countSockets()
  await run(function* () {
    const path = freshPath()
    const server = yield* startUnixServer(echo, path)
    for (let turns = 0; turns < 8; turns++) {
      for (const begin of [
        () => openUnixConnection(path),
        () => startUnixServer(echo, `${path}-${turns}`),
      ]) {
        const future: Future<StreamPair | Server> = begin()
        for (let turn = 0; turn < turns; turn++) yield* sleep(0)
        const isCancelled = future.cancel()
        const [outcome] = yield* gather([future], { returnExceptions: true })
        if (isCancelled) assert.equal(future.cancelled(), true)
        else if (outcome instanceof Server) outcome.close()
        else (outcome as StreamPair).writer.close()
      }
    }
    yield* over(server)
    for (let turn = 0; turn < 200 && countSockets() > before; turn++) yield* sleep(2)
    assert.equal(countSockets(), before)
    for (let turns = 0; turns < 8; turns++) assert.equal(existsSync(`${path}-${turns}`), false)
  })
})
