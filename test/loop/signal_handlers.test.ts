// addSignalHandler and removeSignalHandler. What ends a process, or keeps one alive, is tried on programs
// of their own; the rest on this process, with a signal that nothing else uses.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { constants } from 'node:os'
import test from 'node:test'
import { Event, getRunningLoop, newEventLoop, sleep } from 'gyre'
import { type Outcome, runProgram } from '../lifetime/child_program.js'
import { testOnLoop } from '../net/on_loop.js'

const skip = process.platform === 'win32'
const SIGNAL = 'SIGUSR2'
const raise = () => process.kill(process.pid, SIGNAL)

testOnLoop('a handler is called with its arguments, in a turn of its loop', function* () {
  const loop = getRunningLoop()
  const happened = new Event()
  const heard: unknown[] = []
  loop.addSignalHandler(
    SIGNAL,
    (...args: unknown[]) => {
      heard.push(args, getRunningLoop() === loop)
      happened.set()
    },
    'one',
    2,
  )
  raise()
  assert.deepEqual(heard, [])
  yield* happened.wait()
  assert.deepEqual(heard, [['one', 2], true])
  assert.equal(loop.removeSignalHandler(SIGNAL), true)
})

testOnLoop('a signal may be given by its number', function* () {
  const loop = getRunningLoop()
  const happened = new Event()
  loop.addSignalHandler(constants.signals[SIGNAL], () => happened.set())
  raise()
  yield* happened.wait()
  assert.equal(loop.removeSignalHandler(constants.signals[SIGNAL]), true)
})

testOnLoop('a handler is called for every signal that comes', function* () {
  const loop = getRunningLoop()
  let count = 0
  let happened = new Event()
  loop.addSignalHandler(SIGNAL, () => {
    count++
    happened.set()
  })
  for (let round = 1; round <= 3; round++) {
    happened = new Event()
    raise()
    yield* happened.wait()
    assert.equal(count, round)
  }
  loop.removeSignalHandler(SIGNAL)
})

testOnLoop('a handler keeps the AsyncLocalStorage context in which it was added', function* () {
  const loop = getRunningLoop()
  const storage = new AsyncLocalStorage<string>()
  const happened = new Event()
  let seen: string | undefined
  storage.run('mine', () => {
    loop.addSignalHandler(SIGNAL, () => {
      seen = storage.getStore()
      happened.set()
    })
  })
  raise()
  yield* happened.wait()
  assert.equal(seen, 'mine')
  loop.removeSignalHandler(SIGNAL)
})

testOnLoop('a second handler for a signal takes the place of the first', function* () {
  const loop = getRunningLoop()
  const happened = new Event()
  const heard: string[] = []
  loop.addSignalHandler(SIGNAL, () => heard.push('first'))
  loop.addSignalHandler(SIGNAL, () => {
    heard.push('second')
    happened.set()
  })
  assert.equal(process.listenerCount(SIGNAL), 1)
  raise()
  yield* happened.wait()
  assert.deepEqual(heard, ['second'])
  loop.removeSignalHandler(SIGNAL)
})

testOnLoop(
  'what a handler throws is reported, and the next signal is handled',
  function* (reports) {
    const loop = getRunningLoop()
    const happened = new Event()
    let count = 0
    loop.addSignalHandler(SIGNAL, function onSignal() {
      happened.set()
      if (++count === 1) throw new RangeError('in the handler')
    })
    raise()
    yield* happened.wait()
    yield* sleep(0)
    assert.equal(reports.length, 1)
    assert.match(reports[0]!.message, /onSignal/)
    assert.match(String(reports.pop()!.exception), /RangeError: in the handler/)
    happened.clear()
    raise()
    yield* happened.wait()
    assert.equal(count, 2)
    loop.removeSignalHandler(SIGNAL)
  },
)

testOnLoop('removing a handler says whether there was one, and leaves no listener', function* () {
  const loop = getRunningLoop()
  assert.equal(loop.removeSignalHandler(SIGNAL), false)
  loop.addSignalHandler(SIGNAL, () => {})
  assert.equal(loop.removeSignalHandler(SIGNAL), true)
  assert.equal(loop.removeSignalHandler(SIGNAL), false)
  assert.equal(process.listenerCount(SIGNAL), 0)
})

testOnLoop('a handler may remove itself', function* () {
  const loop = getRunningLoop()
  const happened = new Event()
  loop.addSignalHandler(SIGNAL, () => {
    assert.equal(loop.removeSignalHandler(SIGNAL), true)
    happened.set()
  })
  raise()
  yield* happened.wait()
  assert.equal(process.listenerCount(SIGNAL), 0)
})

test('a closed loop has no handlers left and takes none', { skip }, () => {
  const loop = newEventLoop()
  loop.addSignalHandler(SIGNAL, () => {})
  loop.addSignalHandler('SIGHUP', () => {})
  assert.equal(process.listenerCount(SIGNAL), 1)
  loop.close()
  assert.equal(process.listenerCount(SIGNAL), 0)
  assert.equal(process.listenerCount('SIGHUP'), 0)
  assert.throws(() => loop.addSignalHandler(SIGNAL, () => {}), { code: 'ERR_EVENT_LOOP_CLOSED' })
})

test('wrong arguments are refused at once', () => {
  const loop = newEventLoop()
  const noop = () => {}
  const cases: [unknown, unknown, string, string][] = [
    [undefined, noop, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [{}, noop, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['SIGNONE', noop, 'RangeError', 'ERR_OUT_OF_RANGE'],
    ['sigterm', noop, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [0, noop, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [1.5, noop, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [1000, noop, 'RangeError', 'ERR_OUT_OF_RANGE'],
    [SIGNAL, undefined, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [SIGNAL, async () => {}, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [SIGNAL, function* () {}, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    [SIGNAL, async function* () {}, 'TypeError', 'ERR_INVALID_ARG_TYPE'],
    ['SIGKILL', noop, 'RuntimeError', 'ERR_SIGNAL_UNCATCHABLE'],
    ['SIGSTOP', noop, 'RuntimeError', 'ERR_SIGNAL_UNCATCHABLE'],
    [9, noop, 'RuntimeError', 'ERR_SIGNAL_UNCATCHABLE'],
  ]
  for (const [signal, callback, name, code] of cases) {
    const add = () => loop.addSignalHandler(signal as 'SIGHUP', callback as () => void)
    assert.throws(add, { name, code })
  }
  assert.throws(() => loop.removeSignalHandler('SIGNONE' as 'SIGHUP'), { name: 'RangeError' })
  loop.close()
})

const preamble = `import { Event, getEventLoop, getRunningLoop, run, sleep } from 'gyre'
const raise = (signal) => process.kill(process.pid, signal)
`

function program(name: string, text: string, expected: Partial<Outcome>): void {
  test(name, { skip }, async () => {
    const outcome = await runProgram(preamble + text)
    assert.deepEqual(outcome, { stdout: '', stderr: '', code: 0, signal: null, ...expected })
  })
}

program(
  'a main that waits for a signal alone is no deadlock, and ends with it',
  `import { spawn } from 'node:child_process'
  await run(async () => {
    const stop = new Event()
    getRunningLoop().addSignalHandler('SIGTERM', () => stop.set())
    spawn('sh', ['-c', 'sleep 0.1; kill -TERM $0', process.pid], { stdio: 'ignore' }).unref()
    await stop.wait()
    console.log('stopped')
  })`,
  { stdout: 'stopped\n' },
)

program(
  'a handler of the thread’s own loop does not keep the process alive',
  `getEventLoop().addSignalHandler('SIGTERM', () => {})`,
  {},
)

program(
  'a handler added before its loop runs keeps it alive once it does, and no longer',
  `import { newEventLoop } from 'gyre'
  const loop = newEventLoop()
  loop.addSignalHandler('SIGTERM', () => { console.log('heard'); loop.stop() })
  const { spawn } = await import('node:child_process')
  spawn('sh', ['-c', 'sleep 0.1; kill -TERM $0', process.pid], { stdio: 'ignore' }).unref()
  await loop.runForever()`,
  { stdout: 'heard\n' },
)

program(
  'a handler for SIGINT that main added takes the place of the interruption',
  `await run(async () => {
    const heard = new Event()
    getRunningLoop().addSignalHandler('SIGINT', () => heard.set())
    raise('SIGINT')
    await heard.wait()
    await sleep(20)
    console.log('went on')
  })`,
  { stdout: 'went on\n' },
)

program(
  'once it is removed, SIGINT interrupts main again',
  `await run(async () => {
    const loop = getRunningLoop()
    loop.addSignalHandler('SIGINT', () => {})
    loop.removeSignalHandler('SIGINT')
    setTimeout(raise, 20, 'SIGINT')
    await sleep(1e6)
  }).catch((error) => console.log(error.name))`,
  { stdout: 'KeyboardInterrupt\n' },
)

program(
  'a signal whose handler was removed has its former effect',
  `await run(async () => {
    const loop = getRunningLoop()
    loop.addSignalHandler('SIGTERM', () => {})
    loop.removeSignalHandler('SIGTERM')
    raise('SIGTERM')
    await sleep(1e6)
  })`,
  { code: null, signal: 'SIGTERM' },
)

program(
  'in a worker thread a handler is refused',
  `import { Worker } from 'node:worker_threads'
  const text = \`
    import { newEventLoop } from 'gyre'
    try { newEventLoop().addSignalHandler('SIGTERM', () => {}) }
    catch (error) { console.log(error.name, error.code) }\`
  await new Promise((resolve) => new Worker(text, { eval: true }).on('exit', resolve))`,
  { stdout: 'RuntimeError ERR_SIGNAL_THREAD\n' },
)
