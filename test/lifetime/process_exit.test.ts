// A process lives exactly as long as its loop has something that can still happen, and ends cleanly
// whatever is open then. Each test is a program of its own.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Outcome, runProgram } from './child_program.js'

const imports = `import {
  createTask, DeadlockError, Future, getEventLoop, getRunningLoop, newEventLoop, openConnection, run,
  sleep, startServer,
} from 'gyre'
import net from 'node:net'
`

/** Declares a test of a program that has to end by itself and print `expected`. */
function program(name: string, text: string, expected: string): void {
  test(name, async () => {
    const outcome = await runProgram(imports + text)
    assert.deepEqual(outcome, ended(expected))
  })
}

function ended(stdout: string): Outcome {
  return { stdout, stderr: '', code: 0, signal: null }
}

program('a program that does nothing with a loop ends', `newEventLoop(); getEventLoop()`, '')

program(
  'a pending timer of the default loop keeps the process alive',
  `getEventLoop().callLater(30, () => console.log('fired'))`,
  'fired\n',
)

program(
  'a cancelled timer does not',
  `const timer = getEventLoop().callLater(1e9, () => console.log('fired')); timer.cancel()`,
  '',
)

program(
  'a task of the default loop that sleeps keeps the process alive',
  `createTask(function* () { yield* sleep(30); console.log('done') })`,
  'done\n',
)

program(
  'a task of the default loop that waits for nothing that can come does not',
  `createTask(function* () { yield* new Future() })`,
  '',
)

program(
  'a server of the default loop keeps the process alive until it is closed',
  `const server = await startServer(function* () {}, '127.0.0.1', 0)
  setTimeout(() => { console.log('closing'); server.close() }, 50)`,
  'closing\n',
)

program(
  'an open connection that is read keeps the process alive until its peer closes',
  `const peer = net.createServer((socket) => setTimeout(() => socket.end('bye'), 50))
  peer.listen(0, '127.0.0.1', async () => {
    const { reader, writer } = await openConnection('127.0.0.1', peer.address().port)
    peer.close()
    console.log(String(await reader.read()))
    writer.close()
  })`,
  'bye\n',
)

program(
  'bytes that wait to be sent keep the process alive until they are sent',
  `let received = 0
  const server = net.createServer((socket) => {
    socket.pause()
    socket.on('data', (data) => { received += data.length })
    setTimeout(() => socket.resume(), 50)
    socket.on('end', () => console.log(received))
    server.close()
  })
  server.listen(0, '127.0.0.1', async () => {
    const { transport } = await getEventLoop().createConnection(
      () => ({}), '127.0.0.1', server.address().port)
    transport.pauseReading()
    transport.write(Buffer.alloc(8e6))
    transport.close()
  })`,
  '8000000\n',
)

program(
  'a connection that is neither read nor written to does not keep the process alive',
  `const loop = getEventLoop()
  const server = await loop.createServer(
    () => ({ connectionMade: (transport) => transport.pauseReading() }), '127.0.0.1', 0)
  const { transport } = await loop.createConnection(() => ({}), '127.0.0.1', server.sockets[0].port)
  transport.pauseReading()
  await sleep(5)
  server.close()
  process.on('exit', () => console.log('ended with', transport.isClosing()))`,
  'ended with false\n',
)

program(
  'a connection under way keeps the process alive',
  `const loop = getEventLoop()
  loop.createConnection(() => ({}), '127.0.0.1', 1).catch((error) => console.log(error.code))`,
  'ECONNREFUSED\n',
)

program(
  'a process may exit with everything open',
  `const server = await startServer(async (reader) => { await reader.read() }, '127.0.0.1', 0)
  const opened = []
  for (let i = 0; i < 20; i++) opened.push(await openConnection('127.0.0.1', server.sockets[0].port))
  for (const { writer } of opened) writer.write(Buffer.alloc(1e6))
  getEventLoop().callLater(1e6, () => {})
  createTask(sleep(1e6))
  console.log('exiting')
  process.exit(0)`,
  'exiting\n',
)

program(
  'a process may exit from inside a callback',
  `const loop = getEventLoop()
  const server = await loop.createServer(
    () => ({ dataReceived: () => process.exit(0) }), '127.0.0.1', 0)
  const { transport } = await loop.createConnection(() => ({}), '127.0.0.1', server.sockets[0].port)
  transport.write('now')`,
  '',
)

program(
  'a loop that was never closed is collected with its sockets, and the process ends',
  `for (let i = 0; i < 20; i++) {
    const loop = newEventLoop()
    await loop.runUntilComplete(async () => {
      await loop.createServer(() => ({}), '127.0.0.1', 0)
      loop.callLater(1e6, () => {})
    })
  }
  console.log('done')`,
  'done\n',
)

program(
  'run closes what main left open, and the process ends',
  `await run(async () => {
    const server = await startServer(async (reader) => { await reader.read() }, '127.0.0.1', 0)
    await openConnection('127.0.0.1', server.sockets[0].port)
    getRunningLoop().callLater(1e6, () => {})
    createTask(sleep(1e6))
  })
  console.log('done')`,
  'done\n',
)

program(
  'run with a main that nothing can wake says so instead of ending silently',
  `await run(function* () { yield* new Future() }).catch((error) => console.log(error.name))`,
  'DeadlockError\n',
)

program(
  'a main that waits for a connection that nobody reads is a deadlock too',
  `await run(function* () {
    const server = yield* startServer(function* () {}, '127.0.0.1', 0)
    const { writer } = yield* openConnection('127.0.0.1', server.sockets[0].port)
    writer.transport.pauseReading()
    server.closeClients()
    server.close()
    yield* sleep(20)
    yield* writer.waitClosed()
  }).catch((error) => console.log(error.name))`,
  'DeadlockError\n',
)

test('an error of the default loop that nobody looked at is told before the process ends', async () => {
  const text = `globalThis.kept = createTask(function* () { throw new Error('lost') }, { name: 'worker' })
  globalThis.seen = createTask(function* () { throw new Error('looked at') })
  globalThis.seen.addDoneCallback((task) => task.exception())`
  const { stderr, ...outcome } = await runProgram(imports + text)
  assert.deepEqual(outcome, { stdout: '', code: 0, signal: null })
  assert.equal(stderr.match(/Task exception was never retrieved/g)?.length, 1)
  assert.match(stderr, /name='worker'/)
  assert.match(stderr, /Error: lost/)
  assert.doesNotMatch(stderr, /looked at/)
})

test('process.exit tells of it too', async () => {
  const text = `globalThis.kept = createTask(function* () { throw new Error('lost') })
  await sleep(1)
  process.exit(3)`
  const { stderr, code } = await runProgram(imports + text)
  assert.equal(code, 3)
  assert.equal(stderr.match(/Task exception was never retrieved/g)?.length, 1)
})

program(
  'loops can be made, run and closed one after another',
  `for (let i = 0; i < 200; i++) {
    await run(function* () {
      const server = yield* startServer(function* (reader, writer) { writer.close() }, '127.0.0.1', 0)
      const { reader, writer } = yield* openConnection('127.0.0.1', server.sockets[0].port)
      yield* reader.read()
      writer.close()
    })
  }
  console.log('done')`,
  'done\n',
)

program(
  'a loop may be closed from a callback of Node while its sockets are busy',
  `const loop = newEventLoop()
  let open = 0
  const running = loop.runUntilComplete(async () => {
    const server = await loop.createServer(
      () => ({ connectionMade(transport) { open++; this.transport = transport },
        dataReceived(data) { this.transport.write(data) } }), '127.0.0.1', 0)
    for (let i = 0; i < 10; i++) {
      const { transport } = await loop.createConnection(
        () => ({ dataReceived(data) { transport.write(data) } }), '127.0.0.1', server.sockets[0].port)
      transport.write(Buffer.alloc(10000))
    }
    await sleep(5)
  })
  await running
  loop.close()
  loop.close()
  console.log(open)`,
  '10\n',
)
