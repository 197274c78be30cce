// TLS connections and the lifetime of what has them: a process lives as long as one can bring something,
// and neither a worker that ends nor a loop that closes leaves a socket.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import { root } from '../packaging/repository.js'
import { runProgram } from './child_program.js'
import { canCountDescriptors, countSockets } from './descriptors.js'

const counting = { skip: !canCountDescriptors, timeout: 120_000 }

/** `connect()` gives a connection to a server of its own that gives everything back. */
const serving = `
const pem = (name) => readFileSync(${JSON.stringify(`${root}/test/tls/certificates/`)} + name + '.pem')
const identity = { cert: pem('server'), key: pem('server.key') }
const tls = { ca: pem('authority'), servername: 'localhost' }
async function echo(reader, writer) {
  for await (const chunk of reader) { writer.write(chunk); await writer.drain() }
  writer.close()
}
const serve = () => startServer(echo, { host: '127.0.0.1', tls: identity })
const connectTo = ({ sockets }) => openConnection({ host: '127.0.0.1', port: sockets[0].port, tls })
`

const imports = `import { readFileSync } from 'node:fs'
import { createTask, DeadlockError, Future, getEventLoop, openConnection, run, startServer } from 'gyre'
`

function program(name: string, text: string, expected: string): void {
  test(name, async () => {
    const outcome = await runProgram(imports + serving + text)
    assert.deepEqual(outcome, { stdout: expected, stderr: '', code: 0, signal: null })
  })
}

program(
  'a TLS connection that reads keeps the process alive',
  `const server = await serve()
  const { reader, writer } = await connectTo(server)
  server.close()
  setTimeout(() => { writer.write('late') }, 50)
  console.log(String(await reader.readexactly(4)))
  writer.close()`,
  'late\n',
)

program(
  'TLS connections that nobody reads keep no process alive',
  `const made = new Future()
  const resting = { connectionMade(transport) { transport.pauseReading(); made.setResult() } }
  const server = await getEventLoop().createServer(() => resting, { host: '127.0.0.1', tls: identity })
  const port = server.sockets[0].port
  const [transport] = await getEventLoop().createConnection(
    () => ({ connectionMade: (transport) => transport.pauseReading() }),
    { host: '127.0.0.1', port, tls })
  await made
  server.close()
  console.log(transport.isReading())`,
  'false\n',
)

program(
  'a run that waits while nothing reads its TLS connections is a deadlock',
  `await run(async () => {
    const server = await serve()
    const { writer } = await connectTo(server)
    writer.transport.pauseReading()
    server.close()
    server.abortClients()
    await new Future()
  }).catch((error) => console.log(error instanceof DeadlockError))`,
  'true\n',
)

program(
  'what is written to a TLS connection that is not read is sent before the process ends',
  `const server = await serve()
  const { writer } = await connectTo(server)
  writer.transport.pauseReading()
  writer.write(Buffer.alloc(100_000))
  writer.close()
  await writer.waitClosed()
  server.close()
  console.log('closed')`,
  'closed\n',
)

test('a loop closes with TLS connections and handshakes open', async () => {
  const text = `await run(async () => {
    const server = await serve()
    const { reader, writer } = await connectTo(server)
    writer.write('x')
    await reader.readexactly(1)
    createTask(connectTo(server))
    createTask(connectTo(server))
    await new Promise(setImmediate)
  })
  console.log('ended')`
  for (let i = 0; i < 5; i++) {
    const { stdout, stderr, code } = await runProgram(imports + serving + text)
    assert.deepEqual([stdout, code], ['ended\n', 0], stderr)
    // A connection that is accepted when the tasks are cancelled already begins a handshake still.
    const warning = /^(Task was destroyed but it is pending!\ntask: .* name='TLS handshake' .*\n)*$/
    assert.match(stderr, warning)
  }
})

const preamble = `
const { createRequire } = require('node:module')
const { readFileSync } = require('node:fs')
const { parentPort } = require('node:worker_threads')
const { createTask, openConnection, run, sleep, startServer } =
  createRequire(${JSON.stringify(`${root}/worker.cjs`)})('gyre')
${serving}
async function busy() {
  const server = await serve()
  for (let i = 0; i < 4; i++) {
    await connectTo(server)
    const talking = await connectTo(server)
    createTask(async () => {
      for (;;) { talking.writer.write('x'.repeat(5000)); await talking.reader.readexactly(5000) }
    })
  }
  for (let i = 0; i < 4; i++) createTask(connectTo(server))
  parentPort.postMessage(0)
}
`

const endings: [string, string][] = [
  ['calls process.exit', 'run(async () => { await busy(); process.exit(0) })'],
  ['closes its loop', 'run(busy)'],
  ['is terminated', 'run(async () => { await busy(); await sleep(1e9) })'],
]

for (const [what, text] of endings) {
  test(`a worker that ${what} with TLS connections open leaves no socket`, counting, async () => {
    const before = countSockets()
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(preamble + text, { eval: true })
      const exit = new Promise((resolve) => worker.on('exit', resolve))
      if (what === 'is terminated') worker.on('message', () => void worker.terminate())
      await exit
    }
    for (let i = 0; i < 400 && countSockets() !== before; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.equal(countSockets(), before)
  })
}
