// SIGINT under `run`: the first cancels main, a second ends the loop at once. Each test is a program of
// its own that interrupts itself.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Outcome, runProgram } from '../lifetime/child_program.js'

const skip = process.platform === 'win32'

const preamble = `import { createTask, currentTask, getRunningLoop, run, Runner, shield, sleep } from 'gyre'
const interrupt = () => process.kill(process.pid, 'SIGINT')
const interruptLater = () => setTimeout(interrupt, 20)
const told = (error) => console.log(error.name, error.code)
`

function program(name: string, text: string, expected: string): void {
  test(name, { skip }, async () => {
    const outcome = await runProgram(preamble + text)
    const ended: Outcome = { stdout: expected, stderr: '', code: 0, signal: null }
    assert.deepEqual(outcome, ended)
  })
}

const INTERRUPTED = 'KeyboardInterrupt ERR_KEYBOARD_INTERRUPT\n'

program(
  'the first SIGINT cancels a generator main, which cleans up; run rejects with KeyboardInterrupt',
  `await run(function* () {
    interruptLater()
    try { yield* sleep(1e6) } finally { yield* sleep(1); console.log('cleaned up') }
  }).catch(told)`,
  `cleaned up\n${INTERRUPTED}`,
)

program(
  'the first SIGINT cancels an async main, which cleans up; run rejects with KeyboardInterrupt',
  `await run(async () => {
    interruptLater()
    try { await sleep(1e6) } finally { await sleep(1); console.log('cleaned up') }
  }).catch(told)`,
  `cleaned up\n${INTERRUPTED}`,
)

program(
  'main sees an ordinary cancellation',
  `await run(function* () {
    interruptLater()
    try { yield* sleep(1e6) } catch (error) {
      console.log(error.name, currentTask().cancelling())
      throw error
    }
  }).catch(told)`,
  `CancelledError 1\n${INTERRUPTED}`,
)

program(
  'a main that ends well in spite of SIGINT has ended well',
  `console.log(await run(function* () {
    interruptLater()
    try { yield* sleep(1e6) } catch { return 'still done' }
  }))`,
  'still done\n',
)

program(
  'a main that throws something else in answer to SIGINT has thrown that',
  `await run(function* () {
    interruptLater()
    try { yield* sleep(1e6) } catch { throw new RangeError('else') }
  }).catch((error) => console.log(String(error)))`,
  'RangeError: else\n',
)

program(
  'a main that was cancelled by somebody else as well is cancelled, not interrupted',
  `await run(function* () {
    const main = currentTask()
    setTimeout(() => { interrupt(); setTimeout(() => main.cancel('mine'), 5) }, 20)
    try { yield* sleep(1e6) } catch { yield* sleep(1e6) }
  }).catch((error) => console.log(error.name))`,
  'CancelledError\n',
)

program(
  'the other tasks are cancelled when main has ended, not before',
  `await run(function* () {
    createTask(function* () {
      try { yield* sleep(1e6) } finally { console.log('the other one') }
    })
    interruptLater()
    try { yield* sleep(1e6) } finally { yield* sleep(5); console.log('main') }
  }).catch(told)`,
  `main\nthe other one\n${INTERRUPTED}`,
)

program(
  'a second SIGINT ends a loop whose main takes its time to clean up',
  `await run(function* () {
    interruptLater()
    try { yield* sleep(1e6) } catch { interruptLater(); yield* sleep(1e6) }
    console.log('never reached')
  }).catch(told)`,
  INTERRUPTED,
)

program(
  'a second SIGINT ends a loop whose main cannot be cancelled',
  `let release
  const foreign = new Promise((resolve) => { release = resolve })
  await run(async () => {
    interruptLater()
    setTimeout(interruptLater, 40)
    process.once('exit', () => console.log('left'))
    setTimeout(release, 150)
    await foreign
    await sleep(1e6)
  }).catch(told)`,
  `${INTERRUPTED}left\n`,
)

program(
  'after run, SIGINT is the program’s again',
  `await run(() => sleep(1))
  console.log(process.listenerCount('SIGINT'))
  const runner = new Runner()
  await runner.run(() => sleep(1))
  console.log(process.listenerCount('SIGINT'))
  await runner.close()`,
  '0\n0\n',
)

program(
  'a program with a listener of its own decides by itself',
  `let isHeard = false
  process.on('SIGINT', () => { isHeard = true; console.log('heard') })
  await run(function* () {
    interruptLater()
    while (!isHeard) yield* sleep(5)
    console.log('went on')
  })
  console.log(process.listenerCount('SIGINT'))`,
  'heard\nwent on\n1\n',
)

program(
  'a runner is interrupted in each of its runs anew',
  `const runner = new Runner()
  for (let i = 0; i < 2; i++) {
    await runner.run(function* () { interruptLater(); yield* sleep(1e6) }).catch(told)
  }
  console.log(await runner.run(function* () { yield* sleep(1); return 'works' }))
  await runner.close()`,
  `${INTERRUPTED}${INTERRUPTED}works\n`,
)

test('with handleSignals: false SIGINT ends the process as ever', { skip }, async () => {
  const text = `await run(function* () {
    interruptLater()
    try { yield* sleep(1e6) } finally { console.log('never reached') }
  }, { handleSignals: false })`
  const { stdout, code, signal } = await runProgram(preamble + text)
  assert.deepEqual({ stdout, code, signal }, { stdout: '', code: null, signal: 'SIGINT' })
})

test('an interrupt that nobody catches ends the process with its error', { skip }, async () => {
  const text = `await run(function* () { interruptLater(); yield* sleep(1e6) })`
  const { stderr, code } = await runProgram(preamble + text)
  assert.match(stderr, /KeyboardInterrupt/)
  assert.equal(code, 1)
})

program(
  'in a worker SIGINT is the main thread’s affair',
  `import { Worker } from 'node:worker_threads'
  const text = \`
    import { run, sleep } from 'gyre'
    await run(() => sleep(30))
    console.log(process.listenerCount('SIGINT'))\`
  await new Promise((resolve) => new Worker(text, { eval: true }).on('exit', resolve))`,
  '0\n',
)

// --- run's AbortSignal ----------------------------------------------------------------------------

program(
  'aborting the signal of run cancels main with its reason',
  `const controller = new AbortController()
  setTimeout(() => controller.abort('enough'), 10)
  await run(async () => {
    try { await sleep(1e6) } finally { console.log('cleaned up') }
  }, { signal: controller.signal }).catch((error) => console.log(error.name, error.reason))`,
  'cleaned up\nCancelledError enough\n',
)

program(
  'a signal that was aborted before ends main before its first step',
  `await run(function* () { console.log('never') }, { signal: AbortSignal.abort('early') })
    .catch((error) => console.log(error.name, error.reason))`,
  'CancelledError early\n',
)

program(
  'a signal that is aborted after the end does nothing, and nothing listens to it any more',
  `import { getEventListeners } from 'node:events'
  const controller = new AbortController()
  console.log(await run(async () => 'done', { signal: controller.signal }))
  console.log(getEventListeners(controller.signal, 'abort').length)
  controller.abort()`,
  'done\n0\n',
)

program(
  'a signal that is none is a TypeError',
  `await run(async () => {}, { signal: {} }).catch(told)`,
  'TypeError ERR_INVALID_ARG_TYPE\n',
)
