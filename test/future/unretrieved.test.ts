// Errors that nobody looked at are reported once: when their future is collected, or its loop closes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  createTask,
  type ExceptionContext,
  Future,
  gather,
  getRunningLoop,
  shield,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf, rejectionOf } from '../thrown.js'

const collect = (globalThis as { gc?: () => void }).gc
const NEVER_RETRIEVED = /exception was never retrieved/

/** Runs `main` and gives every report about an error that was never retrieved. */
async function reportsOf(main: () => Promise<void>) {
  const reports: ExceptionContext[] = []
  await runVirtual(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
    await main()
  })
  return reports.filter((context) => NEVER_RETRIEVED.test(context.message))
}

function failingTask(message: string, name?: string) {
  return createTask(
    function* () {
      throw new Error(message)
    },
    { name },
  )
}

test('an error that nobody looked at is reported once, when the loop closes', async () => {
  const kept: unknown[] = []
  const reports = await reportsOf(async () => {
    kept.push(failingTask('lost', 'worker'))
    await sleep(1)
  })
  assert.equal(reports.length, 1)
  assert.equal(reports[0]?.message, 'Task exception was never retrieved')
  assert.equal(messageOf(reports[0]?.exception), 'lost')
  assert.equal(reports[0]?.future, kept[0])
})

test('a plain future is named as such', async () => {
  const reports = await reportsOf(async () => {
    new Future().setException(new Error('lost'))
  })
  assert.equal(reports[0]?.message, 'Future exception was never retrieved')
})

test('an error is reported as soon as its task is collected, and not again', async () => {
  assert.ok(collect !== undefined, 'run with --expose-gc, as npm test does')
  let early = 0
  const reports = await reportsOf(async () => {
    let count = 0
    const realTurn = () => new Promise((resolve) => setTimeout(resolve, 1))
    getRunningLoop().setExceptionHandler((_loop, { message, future }) => {
      assert.match(message, NEVER_RETRIEVED)
      assert.match(inspect(future), /^(Task worker|<Task finished name='worker')/)
      count++
    })
    const make = () => {
      failingTask('lost', 'worker')
    }
    make()
    await sleep(1)
    for (let i = 0; i < 200 && count === 0; i++) {
      collect()
      await realTurn()
    }
    early = count
    getRunningLoop().setExceptionHandler(() => assert.fail('reported twice'))
  })
  assert.equal(early, 1)
  assert.equal(reports.length, 0)
})

test('an error that somebody looked at is not reported', async () => {
  const reports = await reportsOf(async () => {
    const looks: ((future: Future<unknown>) => unknown)[] = [
      (future) => future.exception(),
      (future) => assert.throws(() => future.result()),
      (future) => future.then(undefined, () => {}),
      (future) => future.catch(() => {}),
      (future) => gather([future], { returnExceptions: true }),
      (future) =>
        createTask(function* () {
          try {
            yield* future
          } catch {}
        }),
    ]
    for (const look of looks) {
      const task = failingTask('seen')
      await sleep(1)
      await look(task)
    }
    await sleep(1)
  })
  assert.deepEqual(reports, [])
})

test('looking at cancelled() and done() is not looking at the error', async () => {
  const reports = await reportsOf(async () => {
    const task = failingTask('lost')
    await sleep(1)
    assert.equal(task.done(), true)
    assert.equal(task.cancelled(), false)
    inspect(task)
  })
  assert.equal(reports.length, 1)
})

test('the later errors of a gather that failed already count as seen', async () => {
  const reports = await reportsOf(async () => {
    const late = async () => {
      await sleep(5)
      throw new Error('late')
    }
    const all = gather(failingTask('early'), late)
    assert.equal(messageOf(await rejectionOf(all)), 'early')
    await sleep(10)
  })
  assert.deepEqual(reports, [])
})

test('the error of a shielded task whose outer was cancelled is reported', async () => {
  const reports = await reportsOf(async () => {
    const late = async () => {
      await sleep(5)
      throw new Error('late')
    }
    const outer = shield(createTask(late, { name: 'inner' }))
    await sleep(1)
    outer.cancel()
    await sleep(10)
  })
  assert.equal(reports.length, 1)
  assert.equal(messageOf(reports[0]?.exception), 'late')
})

test('a cancelled task is no error and is not reported', async () => {
  const reports = await reportsOf(async () => {
    const task = createTask(function* () {
      yield* sleep(100)
    })
    await sleep(1)
    task.cancel()
    await sleep(1)
  })
  assert.deepEqual(reports, [])
})
