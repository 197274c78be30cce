// asCompleted: results as they come, in both forms of iteration.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asCompleted,
  CancelledError,
  createTask,
  Future,
  isFuture,
  sleep,
  TimeoutError,
  wait,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf, rejectionOf } from '../thrown.js'

const sleepers = (...times: number[]) => times.map((ms) => createTask(() => sleep(ms, ms)))

test('for…of in a generator gives results in the order in which they come', async () => {
  await runVirtual(function* () {
    const seen: number[] = []
    for (const next of asCompleted(sleepers(30, 10, 20))) seen.push(yield* next)
    assert.deepEqual(seen, [10, 20, 30])
  })
})

test('for…of in an async function does the same', async () => {
  await runVirtual(async () => {
    const seen: number[] = []
    for (const next of asCompleted(sleepers(30, 10, 20))) seen.push(await next)
    assert.deepEqual(seen, [10, 20, 30])
  })
})

test('for await…of gives the original futures, done', async () => {
  await runVirtual(async () => {
    const tasks = sleepers(30, 10, 20)
    const seen: unknown[] = []
    for await (const future of asCompleted(tasks)) {
      assert.ok(isFuture(future))
      assert.equal(future.done(), true)
      seen.push(future)
    }
    assert.deepEqual(seen, [tasks[1], tasks[2], tasks[0]])
  })
})

test('coroutines are started at once, not when they are asked for', async () => {
  await runVirtual(function* () {
    let running = 0
    const job = async () => {
      running++
      await sleep(5)
    }
    const order = asCompleted([job, job, job])
    yield* sleep(1)
    assert.equal(running, 3)
    for (const next of order) yield* next
  })
})

test('an error is thrown where its result is waited for, and the others go on', async () => {
  await runVirtual(async () => {
    const fail = async () => {
      await sleep(2)
      throw new Error('second')
    }
    const seen: unknown[] = []
    for (const next of asCompleted([() => sleep(3, 'third'), fail, () => sleep(1, 'first')])) {
      try {
        seen.push(await next)
      } catch (error) {
        seen.push(messageOf(error))
      }
    }
    assert.deepEqual(seen, ['first', 'second', 'third'])
  })
})

test('the timeout is thrown inside the waiting, not from the iterator', async () => {
  await runVirtual(function* () {
    const seen: unknown[] = []
    for (const next of asCompleted(sleepers(1, 100, 200), { timeout: 10 })) {
      try {
        seen.push(yield* next)
      } catch (error) {
        seen.push(error instanceof TimeoutError)
      }
    }
    assert.deepEqual(seen, [1, true, true])
  })
  await runVirtual(async () => {
    const seen: unknown[] = []
    const tasks = sleepers(1, 100)
    const error = await rejectionOf(
      (async () => {
        for await (const future of asCompleted(tasks, { timeout: 10 })) seen.push(await future)
      })(),
    )
    assert.ok(error instanceof TimeoutError)
    assert.deepEqual(seen, [1])
    assert.equal(tasks[1]?.done(), false, 'the timeout cancels nothing')
    await wait(tasks)
  })
})

test('a timeout of nothing gives only what is done', async () => {
  await runVirtual(async () => {
    for (const timeout of [0, -5]) {
      const [next] = asCompleted(sleepers(1), { timeout })
      assert.ok((await rejectionOf(next as PromiseLike<unknown>)) instanceof TimeoutError)
    }
  })
})

test('the same future given twice comes once; nothing given gives nothing', async () => {
  await runVirtual(function* () {
    const [task] = sleepers(1)
    let count = 0
    for (const next of asCompleted([task as Future<number>, task as Future<number>])) {
      assert.equal(yield* next, 1)
      count++
    }
    assert.equal(count, 1)
    for (const _ of asCompleted([])) assert.fail('gave something')
  })
})

test('futures that are done already come first', async () => {
  await runVirtual(function* () {
    const done = new Future<number>()
    done.setResult(0)
    const seen: number[] = []
    for (const next of asCompleted([...sleepers(1), done])) seen.push(yield* next)
    assert.deepEqual(seen, [0, 1])
  })
})

test('cancelling who waits loses no result', async () => {
  await runVirtual(async () => {
    const tasks = sleepers(10, 20)
    const [first, second] = asCompleted(tasks)
    const waiter = createTask(async () => {
      await first
    })
    await sleep(1)
    waiter.cancel()
    assert.ok((await rejectionOf(waiter)) instanceof CancelledError)
    assert.equal(await second, 10)
    assert.equal(tasks[0]?.cancelled(), false)
    await wait(tasks)
  })
})

test('bad arguments start nothing', async () => {
  await runVirtual(async () => {
    let ran = false
    const job = async () => {
      ran = true
    }
    // @ts-expect-error a number among the coroutines
    assert.throws(() => asCompleted([job, 5]), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => asCompleted([job], { timeout: NaN }), { code: 'ERR_OUT_OF_RANGE' })
    // @ts-expect-error a future instead of a list of them
    assert.throws(() => asCompleted(5), { code: 'ERR_INVALID_ARG_TYPE' })
    await sleep(1)
    assert.equal(ran, false)
  })
})
