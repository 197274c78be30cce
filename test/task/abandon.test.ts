// A promise that is given to createTask runs already: its task can abandon it, not interrupt it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, createTask, type Future, run, sleep } from 'gyre'

test('a task of a promise ends as soon as it is cancelled, and the promise runs on', async () => {
  let settle: (value: string) => void = () => {}
  const promise = new Promise<string>((resolve) => {
    settle = resolve
  })
  await run(function* () {
    const task = createTask(promise)
    yield* sleep(0)
    task.cancel('enough')
    try {
      yield* task
      assert.fail('it was cancelled')
    } catch (error) {
      assert.ok(error instanceof CancelledError)
      assert.equal(error.reason, 'enough')
    }
  })
  settle('nobody waits')
  assert.equal(await promise, 'nobody waits')
})

test('a task of a promise gives what the promise gives', async () => {
  const outcomes = await run(function* (): Generator<Future<unknown>, unknown[], unknown> {
    const value = yield* createTask(Promise.resolve(5))
    try {
      yield* createTask(Promise.reject(new Error('broken')))
    } catch (error) {
      return [value, (error as Error).message]
    }
    return []
  })
  assert.deepEqual(outcomes, [5, 'broken'])
})

test('a future can be given where a Promise is wanted', async () => {
  await run(async () => {
    const promises: Promise<number>[] = [createTask(async () => 1), sleep(1, 2)]
    assert.deepEqual(await Promise.all(promises), [1, 2])
    assert.equal(Object.prototype.toString.call(sleep(0)), '[object Future]')
  })
})
