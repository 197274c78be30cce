// SIGTERM under `run` with a soft shutdown. Each test is a program of its own that sends signals to
// itself.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Outcome, runProgram } from '../lifetime/child_program.js'

const skip = process.platform === 'win32' && 'Windows has no SIGTERM to send'

const preamble = `import { createTask, getRunningLoop, openConnection, run, Runner } from 'gyre'
import { sleep, startServer } from 'gyre'
const send = (signal, ms) => setTimeout(() => process.kill(process.pid, signal), ms)
const told = (error) => console.log(error.name, error.code, error.exitCode ?? '')
const shutdown = { graceMs: 30_000 }
const says = (name, ms) => async () => {
  try { await sleep(ms) } catch (error) { console.log(name, 'cancelled'); throw error }
  console.log(name, 'finished')
}
`

function program(name: string, text: string, expected: string): void {
  test(name, { skip }, async () => {
    const outcome = await runProgram(preamble + text)
    const ended: Outcome = { stdout: expected, stderr: '', code: 0, signal: null }
    assert.deepEqual(outcome, ended)
  })
}

const TERMINATED = 'SystemExit ERR_SYSTEM_EXIT 143\n'

for (const [kind, wait] of [
  ['generator', 'function* () { yield* sleep(1e6) }'],
  ['async', 'async () => { await sleep(1e6) }'],
] as const) {
  program(
    `SIGTERM lets draining tasks finish, then cancels a main of the ${kind} kind, then the rest`,
    `const wait = ${wait}
    await run(async () => {
      createTask(says('drains', 100), { drain: true })
      createTask(says('other', 1e6))
      send('SIGTERM', 20)
      try { await createTask(wait) } finally { await sleep(1); console.log('main cleaned up') }
    }, { shutdown }).catch(told)`,
    `drains finished\nmain cleaned up\nother cancelled\n${TERMINATED}`,
  )
}

program(
  'without draining tasks SIGTERM cancels main at once',
  `await run(async () => {
    send('SIGTERM', 20)
    try { await sleep(1e6) } finally { console.log('main') }
  }, { shutdown }).catch(told)`,
  `main\n${TERMINATED}`,
)

program(
  'the grace that SIGTERM began ends with its time',
  `await run(async () => {
    createTask(says('drains', 1e6), { drain: true })
    send('SIGTERM', 20)
    await sleep(1e6)
  }, { shutdown: { graceMs: 50 } }).catch(told)`,
  `drains cancelled\n${TERMINATED}`,
)

for (const second of ['SIGTERM', 'SIGINT']) {
  program(
    `a ${second} in the grace ends it`,
    `await run(async () => {
      createTask(says('drains', 1e6), { drain: true })
      send('SIGTERM', 20)
      send('${second}', 80)
      try { await sleep(1e6) } finally { console.log('main') }
    }, { shutdown }).catch(told)`,
    `main\ndrains cancelled\n${TERMINATED}`,
  )
}

program(
  'a signal behind the grace ends a main that takes its time to clean up',
  `await run(async () => {
    send('SIGTERM', 20)
    send('SIGTERM', 80)
    try { await sleep(1e6) } finally { await sleep(1e6); console.log('never') }
  }, { shutdown }).catch(told)`,
  TERMINATED,
)

program(
  'a main that drains may finish, and run gives its result',
  `console.log(await run(async () => {
    const { drainSignal } = getRunningLoop()
    send('SIGTERM', 20)
    for (let jobs = 1; ; jobs++) {
      await sleep(10)
      if (drainSignal.aborted) return 'all jobs done'
    }
  }, { drain: true, shutdown }))`,
  'all jobs done\n',
)

program(
  'a main that ends well in spite of SIGTERM has ended well; one that fails has failed',
  `console.log(await run(async () => {
    send('SIGTERM', 20)
    try { await sleep(1e6) } catch { return 'still done' }
  }, { shutdown }))
  await run(async () => {
    send('SIGTERM', 20)
    try { await sleep(1e6) } catch { throw new RangeError('else') }
  }, { shutdown }).catch((error) => console.log(String(error)))`,
  'still done\nRangeError: else\n',
)

program(
  'servers stop accepting when the grace begins; their draining handlers finish',
  `const handler = async (reader, writer) => {
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
  }
  let isServing
  await run(async () => {
    const server = await startServer(handler, { host: '127.0.0.1', drain: true })
    const { port } = server.sockets[0]
    const client = async () => {
      const { reader, writer } = await openConnection('127.0.0.1', port)
      writer.write('half')
      const finish = () => setTimeout(() => writer.write(' whole\\n'), 20)
      getRunningLoop().drainSignal.addEventListener('abort', finish)
      await sleep(20)
      process.kill(process.pid, 'SIGTERM')
      console.log('got', (await reader.readline()).toString().trim())
      writer.close()
    }
    createTask(client, { drain: true })
    try { await server.serveForever() } finally { isServing = server.isServing() }
  }, { shutdown }).catch(told)
  console.log('serving', isServing)`,
  `got half whole\n${TERMINATED}serving false\n`,
)

program(
  'main may end in the grace: it goes on, and run rejects when it is over',
  `await run(async () => {
    createTask(says('drains', 150), { drain: true })
    send('SIGTERM', 20)
    await sleep(60)
    console.log('main ended')
  }, { shutdown })
  console.log('run ended', process.listenerCount('SIGTERM'), process.listenerCount('SIGINT'))`,
  'main ended\ndrains finished\nrun ended 0 0\n',
)

program(
  'SIGTERM in the grace at the end asks for what goes on already; SIGINT ends it',
  `await run(async () => {
    createTask(says('first', 120), { drain: true })
    send('SIGTERM', 40)
    await sleep(1)
  }, { shutdown })
  await run(async () => {
    createTask(says('second', 1e6), { drain: true })
    send('SIGINT', 40)
    await sleep(1)
  }, { shutdown })
  console.log('done')`,
  'first finished\nsecond cancelled\ndone\n',
)

program(
  'the first SIGINT cancels main as ever, and the grace follows',
  `await run(async () => {
    createTask(says('drains', 100), { drain: true })
    send('SIGINT', 20)
    try { await sleep(1e6) } finally { console.log('main') }
  }, { shutdown }).catch(told)`,
  'main\ndrains finished\nKeyboardInterrupt ERR_KEYBOARD_INTERRUPT \n',
)

program(
  'a second SIGINT ends the loop at once, and grants no grace',
  `await run(async () => {
    createTask(says('drains', 1e6), { drain: true })
    send('SIGINT', 20)
    send('SIGINT', 80)
    try { await sleep(1e6) } finally { await sleep(1e6) }
  }, { shutdown }).catch(told)`,
  'drains cancelled\nKeyboardInterrupt ERR_KEYBOARD_INTERRUPT \n',
)

program(
  'a runner that was terminated runs nothing more',
  `const runner = new Runner({ shutdown })
  await runner.run(async () => { send('SIGTERM', 20); await sleep(1e6) }).catch(told)
  await runner.run(async () => console.log('never')).catch(told)
  await runner.close()`,
  `${TERMINATED}RuntimeError ERR_SHUTTING_DOWN \n`,
)

program(
  'a program with a listener of its own, or a loop with a handler, decides by itself',
  `let signalled = 0
  const heard = () => { signalled++; console.log('heard') }
  const until = async (count) => { while (signalled < count) await sleep(5) }
  process.on('SIGTERM', heard)
  await run(async () => { send('SIGTERM', 20); await until(1) }, { shutdown })
  process.removeListener('SIGTERM', heard)
  await run(async () => {
    const handled = () => { signalled++; console.log('handled') }
    getRunningLoop().addSignalHandler('SIGTERM', handled)
    send('SIGTERM', 20)
    await until(2)
  }, { shutdown })
  console.log('went on')`,
  'heard\nhandled\nwent on\n',
)

for (const [name, options] of [
  ['without shutdown', ''],
  ['with handleSignals: false', ', { shutdown, handleSignals: false }'],
] as const) {
  test(`${name} SIGTERM ends the process as ever`, { skip }, async () => {
    const text = `await run(async () => {
      send('SIGTERM', 20)
      try { await sleep(1e6) } finally { console.log('never reached') }
    }${options})`
    const { stdout, code, signal } = await runProgram(preamble + text)
    assert.deepEqual({ stdout, code, signal }, { stdout: '', code: null, signal: 'SIGTERM' })
  })
}

program(
  'the exit code that the error names can be the process’s',
  `process.on('exit', (code) => { console.log('exit', code); process.exitCode = 0 })
  await run(async () => { send('SIGTERM', 20); await sleep(1e6) }, { shutdown }).catch((error) => {
    process.exitCode = error.exitCode
  })`,
  'exit 143\n',
)
