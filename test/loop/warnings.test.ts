// Debug mode: warnings about what takes long, and about cancellations that were swallowed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { createTask, Future, getRunningLoop, run, sleep, timeout, wait } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf } from '../thrown.js'

/** The warnings of one code while `main` runs. */
async function warningsOf(
  code: string,
  main: () => Promise<void>,
  debug = true,
  runMain: typeof run = runVirtual,
): Promise<unknown[]> {
  const seen: Error[] = []
  const listener = (warning: Error) => seen.push(warning)
  process.on('warning', listener)
  try {
    await runMain(main, { debug })
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeListener('warning', listener)
  }
  return seen.filter((warning) => (warning as { code?: string }).code === code).map(messageOf)
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const SLOW = 'GYRE_SLOW_CALLBACK'
const SWALLOWED = 'GYRE_SWALLOWED_CANCEL'

test('a callback, a timer and a step that take long are named, with the time they took', async () => {
  const main = async () => {
    const loop = getRunningLoop()
    loop.slowCallbackDuration = 30
    loop.callSoon(function slowCallback() {
      block(31)
    })
    loop.callLater(1, function slowTimer() {
      block(31)
    })
    const task = createTask(
      function* slowStep() {
        block(31)
        yield* sleep(1)
      },
      { name: 'slow step' },
    )
    await task
    await sleep(5)
  }
  const warnings = await warningsOf(SLOW, main)
  // A busy machine may make others slow too.
  const has = (form: RegExp) => warnings.some((warning) => form.test(`${warning}`))
  const place = String.raw`created at \S*warnings\.test\.[jt]s:\d+`
  const took = String.raw`took \d+\.\d ms$`
  const handle = `^Executing <Handle slowCallback\\(\\) ${place}> ${took}`
  const running = String.raw`coro=<slowStep\(\) running at \S*warnings\.test\.[jt]s:\d+>`
  const step = `^Executing <Task pending name='slow step' ${running}.* ${place}> ${took}`
  const timer = `^Executing <TimerHandle when=[\\d.]+ slowTimer\\(\\) ${place}> ${took}`
  for (const form of [handle, step, timer])
    assert.ok(has(new RegExp(form)), `${form} in ${warnings}`)
  assert.deepEqual(await warningsOf(SLOW, main, false), [])
})

test('a done callback and a handler of then that take long are named', async () => {
  const warnings = await warningsOf(SLOW, async () => {
    getRunningLoop().slowCallbackDuration = 30
    const [called, awaited] = [new Future<void>(), new Future<void>()]
    called.addDoneCallback(function slowCallback() {
      block(31)
    })
    awaited.then(function slowHandler() {
      block(31)
    })
    called.setResult()
    awaited.setResult()
    await sleep(1)
  })
  for (const form of [
    /^Executing <DoneCallback slowCallback\(\) of <Future finished .*> took/,
    /^Executing <Continuation slowHandler\(\) of <Future finished .*> took/,
  ]) {
    assert.ok(
      warnings.some((warning) => form.test(`${warning}`)),
      `${form} in ${warnings}`,
    )
  }
})

test('a result that cannot be printed is warned of like any other', async () => {
  const warnings = await warningsOf(SLOW, async () => {
    getRunningLoop().slowCallbackDuration = 30
    await createTask(async () => {
      block(31)
      return {
        [inspect.custom]() {
          throw new Error('not to be looked at')
        },
      }
    })
    const failing = createTask(function* () {
      block(31)
      throw Object.defineProperty(new Error('hidden'), 'message', {
        get() {
          throw new Error('not to be looked at')
        },
      })
    })
    await wait([failing])
    failing.exception()
  })
  assert.ok(
    warnings.some((warning) => /an error that cannot be printed/.test(`${warning}`)),
    `${warnings}`,
  )
})

test('an async function that takes long behind an await is named with its task', async () => {
  const inner = async () => {
    await sleep(1)
    block(31)
  }
  const main = async () => {
    getRunningLoop().slowCallbackDuration = 30
    await createTask(inner, { name: 'slow inner' })
    await createTask(
      async () => {
        await inner()
        await wait([sleep(1)])
        block(31)
      },
      { name: 'slow outer' },
    )
  }
  const warnings = (await warningsOf(SLOW, main)).map(String)
  for (const [name, count] of [
    ['slow inner', 1],
    ['slow outer', 2],
  ] as const) {
    const form = new RegExp(`^Executing the async functions of .*<Task \\w+ name='${name}'.* took`)
    const found = warnings.filter((warning) => form.test(warning) && /created at/.test(warning))
    assert.ok(found.length >= count, `${name} in ${warnings}`)
  }
  assert.deepEqual(await warningsOf(SLOW, main, false), [])
})

test('what Node does while all async functions wait is not counted as theirs', async () => {
  const main = async () => {
    getRunningLoop().slowCallbackDuration = 100
    const future = new Future<void>()
    await sleep(1)
    setTimeout(() => {
      block(110)
      future.setResult()
    }, 1)
    await future
  }
  const warnings = await warningsOf(SLOW, main, true, run)
  assert.deepEqual(
    warnings.filter((warning) => `${warning}`.includes('async functions')),
    [],
  )
})

test('a swallowed cancel is a warning that names the task', async () => {
  const main = async () => {
    const task = createTask(
      async () => {
        try {
          await sleep(1000)
        } catch {}
      },
      { name: 'deaf' },
    )
    await sleep(1)
    task.cancel()
    await task
  }
  const warnings = await warningsOf(SWALLOWED, main)
  assert.equal(warnings.length, 1)
  assert.match(`${warnings[0]}`, /^Task 'deaf' was cancelled, but its coroutine returned/)
  assert.deepEqual(await warningsOf(SWALLOWED, main, false), [])
})

test('a cancel that was taken back is no reason to warn, nor is a timeout', async () => {
  const main = async () => {
    const task = createTask(async () => {
      try {
        await sleep(1000)
      } catch {
        task.uncancel()
      }
    })
    await sleep(1)
    task.cancel()
    await task
    await timeout(5, () => sleep(1000)).then(undefined, () => {})
  }
  assert.deepEqual(await warningsOf(SWALLOWED, main), [])
})
