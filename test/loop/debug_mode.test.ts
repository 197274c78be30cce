// Debug mode: where things were made, operations that nobody waits for, futures of another loop.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  Condition,
  createTask,
  Event,
  type ExceptionContext,
  Future,
  getRunningLoop,
  Lock,
  newEventLoop,
  Queue,
  run,
  Semaphore,
  sleep,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { runProgram } from '../lifetime/child_program.js'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

const collect = (globalThis as { gc?: () => void }).gc
const HERE = /debug_mode\.test\.[jt]s:\d+/
const NEVER_AWAITED = 'GYRE_NEVER_AWAITED'
const WRONG_LOOP = 'GYRE_WRONG_LOOP'

interface Warning extends Error {
  code?: string
  detail?: string
}

/** The warnings of one code while `act` runs. */
async function warningsOf(code: string, act: () => Promise<unknown>): Promise<Warning[]> {
  const seen: Warning[] = []
  const listener = (warning: Warning) => seen.push(warning)
  process.on('warning', listener)
  try {
    await act()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeListener('warning', listener)
  }
  return seen.filter((warning) => warning.code === code)
}

/** What is reported to the exception handler while `main` runs. */
async function reportsOf(debug: boolean, main: () => Promise<void>): Promise<ExceptionContext[]> {
  const reports: ExceptionContext[] = []
  await runVirtual(
    async () => {
      getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
      await main()
    },
    { debug },
  )
  return reports
}

test('futures, tasks and handles say where they were made', async () => {
  await runVirtual(
    async () => {
      const loop = getRunningLoop()
      const things = [
        new Future(),
        loop.createFuture(),
        createTask(() => sleep(1)),
        loop.callSoon(() => {}),
        loop.callLater(1, () => {}),
      ]
      for (const thing of things) {
        const text = inspect(thing)
        assert.match(text, / created at \S+>$/, text)
        assert.match(text, HERE, text)
      }
      await sleep(1)
    },
    { debug: true },
  )
  await runVirtual(async () => {
    assert.doesNotMatch(inspect(new Future()), /created at/)
  })
})

test('an error that nobody retrieved comes with the place where its task was made', async () => {
  function lose() {
    createTask(
      async () => {
        throw new Error('lost')
      },
      { name: 'loser' },
    )
    new Future().setException(new Error('lost too'))
  }
  for (const debug of [true, false]) {
    const reports = await reportsOf(debug, async () => {
      lose()
      await sleep(1)
    })
    assert.deepEqual(reports.map(({ message }) => message).sort(), [
      'Future exception was never retrieved',
      'Task exception was never retrieved',
    ])
    for (const { sourceTraceback } of reports) {
      if (!debug) assert.equal(sourceTraceback, undefined)
      else assert.match(String(sourceTraceback), /^ {4}at lose \(.*debug_mode\.test/)
    }
  }
})

test('so does a callback that throws, and a task that is destroyed', async () => {
  const reports = await reportsOf(true, async () => {
    getRunningLoop().callSoon(() => {
      throw new Error('in a callback')
    })
    const future = new Future()
    future.addDoneCallback(() => {
      throw new Error('in a done callback')
    })
    future.setResult(1)
    await sleep(1)
  })
  const loop = newEventLoop()
  loop.setDebug(true)
  loop.setExceptionHandler((_loop, context) => reports.push(context))
  loop.createTask(() => sleep(1))
  loop.close()
  assert.deepEqual(
    reports.map(({ message }) => message.replace(/callback .*/, 'callback')),
    ['Exception in callback', 'Exception in callback', 'Task was destroyed but it is pending!'],
  )
  for (const { sourceTraceback } of reports) assert.match(String(sourceTraceback), HERE)
})

test('the default handler prints the frames of the place', async () => {
  const { stderr } = await runProgram(`import { createTask, run, sleep } from 'gyre'
    function maker() { createTask(async () => { throw new Error('lost') }) }
    await run(async () => { maker(); await sleep(1) }, { debug: true })`)
  assert.match(stderr, /Task exception was never retrieved\n/)
  assert.match(stderr, /\ncreated:\n {4}at maker \(/)
  assert.match(stderr, /\nError: lost\n/)
})

test('an operation that nobody waits for is warned of when its loop closes, with its place', async () => {
  const lock = new Lock()
  const queue = new Queue<number>()
  const warnings = await warningsOf(NEVER_AWAITED, () =>
    runVirtual(
      async () => {
        lock.acquire()
        queue.get()
        queue.put(1)
        new Event().wait()
        new Semaphore(1).acquire()
        new Condition().wait()
        wait([sleep(1)])
        waitFor(sleep(1), 5)
        timeout(5, () => sleep(1))
        taskGroup(async () => {})
        await sleep(10)
      },
      { debug: true },
    ),
  )
  const calls = warnings.map(({ message }) => /^([\w.]+)\(\) was never awaited/.exec(message)?.[1])
  assert.deepEqual(calls, [
    'Lock.acquire',
    'Queue.get',
    'Queue.put',
    'Event.wait',
    'Semaphore.acquire',
    'Condition.wait',
    'wait',
    'waitFor',
    'timeout',
    'taskGroup',
  ])
  for (const { message, detail } of warnings) {
    assert.match(message, /created at \S*debug_mode\.test/)
    assert.match(String(detail), HERE)
  }
  assert.equal(lock.locked(), false)
})

test('one that is collected is warned of at once, and once', async () => {
  assert.ok(collect !== undefined, 'run with --expose-gc, as npm test does')
  let early = 0
  const warnings = await warningsOf(NEVER_AWAITED, () =>
    runVirtual(
      async () => {
        const lock = new Lock()
        const forget = () => {
          lock.acquire()
        }
        const listener = () => early++
        process.on('warning', listener)
        forget()
        for (let i = 0; i < 500 && early === 0; i++) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          collect()
        }
        process.removeListener('warning', listener)
      },
      { debug: true },
    ),
  )
  assert.equal(early, 1)
  assert.equal(warnings.length, 1)
})

test('operations that are waited for, in every way, are no reason to warn', async () => {
  const act = () =>
    runVirtual(
      async () => {
        const lock = new Lock()
        const queue = new Queue<number>()
        await lock.acquire()
        lock.release()
        await createTask(function* () {
          yield* lock.acquire()
          lock.release()
          yield* lock.with(function* () {
            yield* sleep(1)
          })
        })
        await createTask(queue.put(1))
        await queue.get()
        await wait([sleep(1), createTask(waitFor(sleep(1), 5))])
        await timeout(5, () => taskGroup(async () => {}))
        await rejectionOf(waitFor(sleep(10), 1))
        const cancelled = createTask(lock.with(() => sleep(100)))
        await sleep(1)
        cancelled.cancel()
        await rejectionOf(cancelled)
      },
      { debug: true },
    )
  assert.deepEqual((await warningsOf(NEVER_AWAITED, act)).map(messageOf), [])
})

test('outside of debug mode nothing is watched', async () => {
  const act = () =>
    runVirtual(
      async () => {
        new Lock().acquire()
      },
      { debug: false },
    )
  assert.deepEqual(await warningsOf(NEVER_AWAITED, act), [])
})

test('a future that is touched while another loop runs is warned of, and works', async () => {
  const other = newEventLoop()
  const done: string[] = []
  const warnings = await warningsOf(WRONG_LOOP, async () => {
    const main = async () => {
      for (const act of [
        (future: Future) => future.setResult(1),
        (future: Future) => future.setException(new Error('x')),
        (future: Future) => future.cancel(),
        (future: Future) => future.addDoneCallback(() => done.push('called')),
      ]) {
        const future = other.createFuture()
        act(future)
        if (future.done() && !future.cancelled()) future.exception()
      }
    }
    await runVirtual(main, { debug: true })
    await runVirtual(main, { debug: false })
    const task = other.createTask(() => sleep(1))
    await runVirtual(async () => task.cancel(), { debug: true })
    await rejectionOf(other.runUntilComplete(task))
  })
  other.close()
  assert.deepEqual(
    warnings.map(({ message }) => message.replace(/ of .*/, '')),
    ['setResult()', 'setException()', 'cancel()', 'addDoneCallback()', 'cancel()'],
  )
  for (const { message } of warnings) {
    assert.match(message, / of <(Future|Task) .* was called while another loop runs/)
  }
  assert.equal(codeOf(warnings[0]), WRONG_LOOP)
})

test('futures of the loop that runs are no reason to warn, nor are those touched from outside', async () => {
  const warnings = await warningsOf(WRONG_LOOP, () =>
    run(
      async () => {
        const futures = [new Future(), new Future(), new Future()]
        futures[0]?.setResult(1)
        getRunningLoop().callSoon(() => futures[1]?.cancel())
        setImmediate(() => futures[2]?.setResult(2))
        await futures[2]
        await createTask(function* () {
          yield* createTask(async () => sleep(1))
        })
      },
      { debug: true },
    ),
  )
  assert.deepEqual(warnings.map(messageOf), [])
})

test('GYRE_DEBUG=1 switches debug mode on in new loops', async () => {
  const text = `import { getRunningLoop, Lock, run } from 'gyre'
    await run(async () => { console.log(getRunningLoop().getDebug()); new Lock().acquire() })`
  const on = await runProgram(`process.env.GYRE_DEBUG = '1'\nawait import('gyre')\n${text}`)
  assert.equal(on.stdout, 'true\n')
  assert.match(on.stderr, /\[GYRE_NEVER_AWAITED\] GyreWarning: Lock\.acquire\(\) was never awaited/)
  const off = await runProgram(`process.env.GYRE_DEBUG = '0'\n${text}`)
  assert.deepEqual([off.stdout, off.stderr], ['false\n', ''])
})
