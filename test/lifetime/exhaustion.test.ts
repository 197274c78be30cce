// A process that runs out of descriptors: connecting fails with an error, a server rests and goes on.
// Each test is a program of its own under a lowered limit.

import assert from 'node:assert/strict'
import test from 'node:test'
import { backendInfo } from 'gyre'
import { runProgram } from './child_program.js'

const options = { skip: process.platform === 'win32', timeout: 60_000 }
const prelude = 'ulimit -n 64'

const preamble = `import fs from 'node:fs'
import {
  backendInfo, gather, getRunningLoop, newEventLoop, openConnection, ProcessPoolExecutor, run, serve, sleep,
  startServer,
} from 'gyre'
const held = []
/** Takes all descriptors but a few. */
function exhaust(spare = 0) {
  try { for (;;) held.push(fs.openSync('/dev/null')) } catch (error) {
    if (error.code !== 'EMFILE') throw error
  }
  for (let i = 0; i < spare; i++) fs.closeSync(held.pop())
}
function release() { for (const fd of held.splice(0)) fs.closeSync(fd) }
async function echo(reader, writer) {
  for await (const chunk of reader) writer.write(chunk)
  writer.close()
}
`

function program(name: string, text: string, expected: string): void {
  test(name, options, async () => {
    const { stdout, stderr, code, signal } = await runProgram(preamble + text, { prelude })
    assert.deepEqual(
      { stdout, stderr, code, signal },
      { stdout: expected, stderr: '', code: 0, signal: null },
    )
  })
}

program(
  'connecting without a descriptor left is EMFILE, and works again afterwards',
  `await run(async () => {
    const server = await startServer(echo, '127.0.0.1', 0)
    const { port } = server.sockets[0]
    exhaust()
    const [error] = await gather([openConnection('127.0.0.1', port)], { returnExceptions: true })
    release()
    console.log(error.code, error.syscall)
    const { reader, writer } = await openConnection('127.0.0.1', port)
    writer.write('works')
    console.log(String(await reader.readexactly(5)))
    writer.close()
    server.close()
  })`,
  'EMFILE connect\nworks\n',
)

program(
  'listening without a descriptor left is EMFILE, and works again afterwards',
  `await run(async () => {
    const first = await startServer(echo, '127.0.0.1', 0)
    exhaust()
    const [error] = await gather([startServer(echo, '127.0.0.1', 0)], { returnExceptions: true })
    release()
    console.log(error.code, error.syscall)
    const second = await startServer(echo, '127.0.0.1', 0)
    console.log(second.sockets.length)
    first.close()
    second.close()
  })`,
  'EMFILE listen\n1\n',
)

// Node's servers drop what they have no descriptor for, and say nothing of it.
const restsWhenExhausted = backendInfo().name === 'native'

if (restsWhenExhausted) {
  program(
    'a server without a descriptor left reports it once, rests, and accepts again',
    `await run(async () => {
      const reports = []
      getRunningLoop().setExceptionHandler((loop, context) => reports.push(context))
      const server = await startServer(echo, '127.0.0.1', 0)
      const { port } = server.sockets[0]
      const early = await openConnection('127.0.0.1', port)
      // One is left for the client's end.
      exhaust(1)
      const starved = await openConnection('127.0.0.1', port)
      while (reports.length === 0) await sleep(1)
      console.log(reports[0].exception.code, /accept/.test(reports[0].message))
      // What is connected goes on meanwhile.
      early.writer.write('meanwhile')
      console.log(String(await early.reader.readexactly(9)))
      release()
      starved.writer.write('patient')
      console.log(String(await starved.reader.readexactly(7)), reports.length)
      early.writer.close()
      starved.writer.close()
      server.close()
    })`,
    'EMFILE true\nmeanwhile\npatient 1\n',
  )

  program(
    'a server that is closed while it rests stays closed',
    `await run(async () => {
      const reports = []
      getRunningLoop().setExceptionHandler((loop, context) => reports.push(context))
      const server = await startServer(echo, '127.0.0.1', 0)
      exhaust(1)
      const starved = await openConnection('127.0.0.1', server.sockets[0].port)
      while (reports.length === 0) await sleep(1)
      server.close()
      release()
      const [outcome] = await gather([starved.reader.read()], { returnExceptions: true })
      console.log(outcome.code ?? outcome.length)
      await sleep(1200)
      await server.waitClosed()
      console.log('closed')
    })`,
    'ECONNRESET\nclosed\n',
  )
}

program(
  'a server that was without descriptors for a while serves those that come later',
  `await run(async () => {
    getRunningLoop().setExceptionHandler(() => {})
    const server = await startServer(echo, '127.0.0.1', 0)
    const { port } = server.sockets[0]
    const early = await openConnection('127.0.0.1', port)
    exhaust(1)
    const starved = await openConnection('127.0.0.1', port)
    await sleep(20)
    early.writer.write('meanwhile')
    console.log(String(await early.reader.readexactly(9)))
    release()
    starved.writer.close()
    const later = await openConnection('127.0.0.1', port)
    later.writer.write('later')
    console.log(String(await later.reader.readexactly(5)))
    later.writer.close()
    early.writer.close()
    server.close()
  })`,
  'meanwhile\nlater\n',
)

program(
  'a loop without a descriptor left still keeps its timers',
  `newEventLoop().close()
  exhaust()
  const loop = newEventLoop()
  const times = []
  await loop.runUntilComplete(async () => {
    for (let i = 0; i < 5; i++) { await sleep(3); times.push(loop.time()) }
  })
  loop.close()
  release()
  console.log(times.every((time, index) => index === 0 || time - times[index - 1] >= 3))`,
  'true\n',
)

program(
  'a process pool without a descriptor left fails the job, and works again afterwards',
  `await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 })
    const job = { module: 'node:os', name: 'type' }
    exhaust()
    const [error] = await gather([pool.submit(job)], { returnExceptions: true })
    release()
    console.log(error.code, error.cause.code)
    console.log(typeof (await pool.submit(job)))
    await pool.shutdown()
  })`,
  'ERR_WORKER_DIED EMFILE\nstring\n',
)

program(
  'serve without a descriptor left for its workers says so',
  `await run(async () => {
    // What it says of itself is read from a file, once.
    backendInfo()
    const main = { module: 'node:os', name: 'type' }
    const options = { workers: 1, host: '127.0.0.1', port: 1 }
    exhaust()
    const [error] = await gather([serve(main, options)], { returnExceptions: true })
    release()
    console.log(error.code, error.cause.code)
  })`,
  'ERR_WORKER_DIED EMFILE\n',
)
