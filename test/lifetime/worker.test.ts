// Loops in worker threads: they serve and connect there as in the main thread, and a worker that ends,
// or is ended, with everything open leaves no socket behind.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import { gather, openConnection, run, startServer } from 'gyre'
import { root } from '../packaging/repository.js'
import { canCountDescriptors, countSockets } from './descriptors.js'

const counting = { skip: !canCountDescriptors, timeout: 120_000 }

const preamble = `
const { createRequire } = require('node:module')
const { parentPort, workerData } = require('node:worker_threads')
const { createTask, gather, getEventLoop, openConnection, run, sleep, startServer } =
  createRequire(${JSON.stringify(`${root}/worker.cjs`)})('gyre')
async function echo(reader, writer) {
  for await (const chunk of reader) { writer.write(chunk); await writer.drain() }
  writer.close()
}
`

function start(text: string, workerData: unknown = null): Worker {
  return new Worker(preamble + text, { eval: true, workerData })
}

/** Unlike `once`, this does not reject when the worker throws. */
function exitOf(worker: Worker): Promise<number> {
  return new Promise((resolve) => worker.on('exit', resolve))
}

/** The number of sockets once it is `wanted`, or after a while. */
async function settledSockets(wanted: number): Promise<number> {
  for (let i = 0; i < 400 && countSockets() !== wanted; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return countSockets()
}

/** Serves in the worker, with connections to itself that are idle, busy and stuck. */
const busy = `
async function busy() {
  const server = await startServer(echo, '127.0.0.1', 0)
  const { port } = server.sockets[0]
  const silent = await startServer(async () => { await sleep(1e9) }, '127.0.0.1', 0)
  for (let i = 0; i < 5; i++) {
    await openConnection('127.0.0.1', port)
    const talking = await openConnection('127.0.0.1', port)
    createTask(async () => {
      for (;;) { talking.writer.write('x'.repeat(5000)); await talking.reader.readexactly(5000) }
    })
    const stuck = await openConnection('127.0.0.1', silent.sockets[0].port)
    stuck.writer.write(Buffer.alloc(16e6))
    createTask(sleep(1e9))
  }
  createTask(openConnection('127.0.0.1', port))
  return port
}
`

const endings: [string, string][] = [
  [
    'calls process.exit',
    `run(async () => { await busy(); parentPort.postMessage(0); process.exit(0) })`,
  ],
  [
    'calls process.exit in the midst of its traffic',
    `run(async () => { await busy(); parentPort.postMessage(0); await sleep(20); process.exit(0) })`,
  ],
  [
    'throws',
    `run(async () => { await busy(); parentPort.postMessage(0); setImmediate(() => { throw 'thrown' })
      await sleep(1e9) })`,
  ],
  ['closes its loop', `run(async () => { await busy(); parentPort.postMessage(0) })`],
  [
    'uses its default loop and exits',
    `createTask(async () => { await busy(); parentPort.postMessage(0); process.exit(0) })`,
  ],
]

for (const [what, text] of endings) {
  test(`a worker that ${what} leaves no socket`, counting, async () => {
    const before = countSockets()
    for (let i = 0; i < 3; i++) {
      const worker = start(busy + text)
      worker.on('error', (error) => assert.equal(error as unknown, 'thrown'))
      await exitOf(worker)
    }
    assert.equal(await settledSockets(before), before)
  })
}

test('a worker that is terminated at any moment leaves no socket', counting, async () => {
  const before = countSockets()
  for (let delayMs = 0; delayMs < 60; delayMs += 5) {
    const worker = start(`${busy} run(async () => {
      await busy(); parentPort.postMessage(0); await sleep(1e9) })`)
    if (delayMs % 10 === 0) await once(worker, 'message')
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await worker.terminate()
  }
  assert.equal(await settledSockets(before), before)
})

test('a worker that is terminated while its peers talk to it resets them', counting, async () => {
  await run(async () => {
    const worker = start(`${busy} run(async () => {
      parentPort.postMessage(await busy()); await sleep(1e9) })`)
    const port = await new Promise<number>((resolve) => worker.once('message', resolve))
    const { reader, writer } = await openConnection('127.0.0.1', port)
    writer.write('hello')
    assert.equal((await reader.readexactly(5)).toString(), 'hello')
    await worker.terminate()
    // The end or a reset, as the kernel has it.
    const [outcome] = await gather([reader.read()], { returnExceptions: true })
    if (outcome instanceof Error) assert.equal((outcome as { code?: string }).code, 'ECONNRESET')
    else assert.equal(outcome.length, 0)
    writer.close()
  })
})

test('servers in workers serve clients in the main thread, and the other way', {
  timeout: 60_000,
}, async () => {
  await run(async () => {
    const server = await startServer(
      async (reader, writer) => {
        for await (const chunk of reader) {
          writer.write(chunk)
          await writer.drain()
        }
        writer.close()
      },
      '127.0.0.1',
      0,
    )
    const text = `run(async () => {
      const server = await startServer(echo, '127.0.0.1', 0)
      parentPort.postMessage(server.sockets[0].port)
      const { createHash } = require('node:crypto')
      for (let i = 0; i < 20; i++) {
        const { reader, writer } = await openConnection('127.0.0.1', workerData)
        const sent = Buffer.alloc(1 + i * 7001, i)
        writer.write(sent)
        if (!(await reader.readexactly(sent.length)).equals(sent)) throw new Error('garbled')
        writer.close()
        await writer.waitClosed()
      }
      await new Promise((resolve) => parentPort.once('message', resolve))
      parentPort.close()
      server.close()
      await server.waitClosed()
    })`
    const workers = [1, 2].map(() => start(text, server.sockets[0]!.port))
    const ports = await Promise.all(
      workers.map((worker) => new Promise<number>((resolve) => worker.once('message', resolve))),
    )
    const exits = workers.map(exitOf)
    for (let i = 0; i < 20; i++) {
      for (const port of ports) {
        const { reader, writer } = await openConnection('127.0.0.1', port)
        const sent = Buffer.alloc(1 + i * 5003, i)
        writer.write(sent)
        assert.equal((await reader.readexactly(sent.length)).equals(sent), true)
        writer.close()
        await writer.waitClosed()
      }
    }
    for (const worker of workers) worker.postMessage('done')
    assert.deepEqual(await Promise.all(exits), [0, 0])
    server.close()
    await server.waitClosed()
  })
})

test('loops of several threads run at the same time without knowing of each other', async () => {
  const text = `run(async () => {
    let turns = 0
    const task = createTask(async () => { for (;;) { await sleep(0); turns++ } })
    await sleep(50)
    task.cancel()
    parentPort.postMessage(turns > 0)
  })`
  const workers = Array.from({ length: 4 }, () => start(text))
  const exits = workers.map(exitOf)
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message')))
  assert.deepEqual(answers.flat(), [true, true, true, true])
  await Promise.all(exits)
})
