// wait: two sets, and what is enough. It never cancels and never throws on timeout.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  type CancelledError,
  createTask,
  Future,
  getRunningLoop,
  sleep,
  type Task,
  wait,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, rejectionOf } from '../thrown.js'

function sleeper(ms: number, outcome: 'result' | 'error' = 'result'): Task<number> {
  return createTask(
    async () => {
      await sleep(ms)
      if (outcome === 'error') throw new Error(`after ${ms}`)
      return ms
    },
    { name: `${ms}` },
  )
}

function names(futures: Set<Future<unknown>>): string[] {
  return [...futures].map((future) => (future as Task<unknown>).getName())
}

test('by default wait ends when all are done, whatever their outcomes', async () => {
  await runVirtual(function* () {
    const tasks = [sleeper(3), sleeper(1, 'error'), sleeper(2)]
    tasks[2]?.cancel()
    const { done, pending } = yield* wait(tasks)
    assert.deepEqual(names(done), ['3', '1', '2'])
    assert.equal(pending.size, 0)
    assert.equal(getRunningLoop().time(), 3)
    tasks[1]?.exception()
  })
})

test('FIRST_COMPLETED ends with the first, whatever its outcome', async () => {
  await runVirtual(async () => {
    const tasks = [sleeper(3), sleeper(1, 'error'), sleeper(2)]
    const { done, pending } = await wait(tasks, { returnWhen: 'FIRST_COMPLETED' })
    assert.deepEqual(names(done), ['1'])
    assert.deepEqual(names(pending), ['3', '2'])
    tasks[1]?.exception()
    await sleep(5)
    assert.equal(
      tasks.every((task) => task.done()),
      true,
    )
  })
})

test('FIRST_EXCEPTION ends with the first error and does not count cancellations', async () => {
  await runVirtual(function* () {
    const tasks = [sleeper(4), sleeper(2, 'error'), sleeper(1), sleeper(10)]
    tasks[3]?.cancel()
    const { done, pending } = yield* wait(tasks, { returnWhen: 'FIRST_EXCEPTION' })
    assert.deepEqual(names(done), ['2', '1', '10'])
    assert.deepEqual(names(pending), ['4'])
    assert.equal(getRunningLoop().time(), 2)
  })
})

test('a timeout returns what is done and leaves the rest running', async () => {
  await runVirtual(async () => {
    const tasks = [sleeper(1), sleeper(10)]
    const { done, pending } = await wait(tasks, { timeout: 5 })
    assert.deepEqual([names(done), names(pending)], [['1'], ['10']])
    assert.equal(tasks[1]?.done(), false)
    assert.equal(await tasks[1], 10)
    for (const timeout of [0, -1]) {
      const late = sleeper(1)
      const nothing = await wait([late], { timeout })
      assert.equal(nothing.pending.has(late), true)
      await late
    }
    assert.equal((await wait([sleeper(2)], { timeout: null })).done.size, 1)
  })
})

test('what is done already does not give way in vain', async () => {
  await runVirtual(function* () {
    const future = new Future<number>()
    future.setResult(1)
    const { done } = yield* wait([future])
    assert.deepEqual([...done], [future])
  })
})

test('coroutines become tasks, and each stands once in the sets', async () => {
  await runVirtual(function* () {
    const task = sleeper(1)
    function* coroutine(): Generator<Future<unknown>, string, unknown> {
      yield* sleep(2)
      return 'from a generator'
    }
    const generator = coroutine()
    const { done } = yield* wait(new Set([task, generator, async () => 'from a function', task]))
    assert.deepEqual(
      [...done].map((future) => future.result()),
      [1, 'from a generator', 'from a function'],
    )
  })
})

test('cancelling who waits does not cancel what is waited for', async () => {
  await runVirtual(async () => {
    const inner = sleeper(10)
    const waiter = createTask(async () => {
      await wait([inner])
    })
    await sleep(1)
    waiter.cancel('enough')
    assert.equal(((await rejectionOf(waiter)) as CancelledError).reason, 'enough')
    assert.equal(inner.cancelled(), false)
    assert.equal(await inner, 10)
  })
})

test('after the end no callback and no timer of wait is left', async () => {
  await runVirtual(function* () {
    const future = new Future<void>()
    const result = yield* wait([future, sleeper(1)], {
      timeout: 1000,
      returnWhen: 'FIRST_COMPLETED',
    })
    assert.equal(result.pending.has(future), true)
    assert.equal(getRunningLoop().metrics().timers, 0)
    assert.equal(inspect(future), '<Future pending>')
  })
})

test('nothing to wait for, and what is no iterable, are errors that start nothing', async () => {
  let ran = false
  const job = async () => {
    ran = true
  }
  await runVirtual(async () => {
    assert.throws(() => wait([]), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
    const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
    assert.throws(() => wait(new Future()), type)
    // @ts-expect-error nothing
    assert.throws(() => wait(null), type)
    // @ts-expect-error an object that is no iterable
    assert.throws(() => wait({}), type)
    // @ts-expect-error a number among the coroutines
    assert.throws(() => wait([job, 5]), type)
    assert.throws(() => wait([job], { timeout: NaN }), { code: 'ERR_OUT_OF_RANGE' })
    // @ts-expect-error a mode that does not exist
    assert.throws(() => wait([job], { returnWhen: 'SOMETIMES' }), { code: 'ERR_OUT_OF_RANGE' })
    await sleep(1)
  })
  assert.equal(ran, false)
})

test('wait starts nothing before it is waited for, and can be waited for once', async () => {
  let runs = 0
  await runVirtual(async () => {
    const waiting = wait([
      async () => {
        runs++
      },
    ])
    await sleep(5)
    assert.equal(runs, 0)
    await waiting
    assert.equal(runs, 1)
    assert.equal(codeOf(await rejectionOf(waiting)), 'ERR_OPERATION_REUSED')
    assert.equal(runs, 1)
  })
})
