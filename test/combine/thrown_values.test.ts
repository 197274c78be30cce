// JavaScript can throw anything, null and undefined too: none of it is taken for success.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asCompleted,
  createTask,
  ExceptionGroup,
  type Future,
  gather,
  getRunningLoop,
  shield,
  sleep,
  taskGroup,
  timeout,
  wait,
  waitFor,
  wrap,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

for (const value of [null, undefined, 0, '', false, 'text']) {
  const name = JSON.stringify(value) ?? 'undefined'
  const fail = async () => {
    await sleep(1)
    throw value
  }

  test(`throw ${name} reaches who waits, however it is waited for`, async () => {
    await runVirtual(async () => {
      const [next] = asCompleted([fail])
      const ways: PromiseLike<unknown>[] = [
        createTask(fail),
        createTask(function* (): Generator<Future<unknown>, void, unknown> {
          yield* sleep(1)
          throw value
        }),
        gather(fail),
        shield(fail),
        waitFor(fail, 10),
        timeout(10, fail),
        wrap(Promise.reject(value)),
        next as PromiseLike<unknown>,
      ]
      for (const way of ways) assert.equal(await rejectionOf(way), value)
      assert.deepEqual(await gather([fail], { returnExceptions: true }), [value])
    })
  })

  test(`throw ${name} fails a task group and is an exception for wait`, async () => {
    await runVirtual(async () => {
      const error = await rejectionOf(
        taskGroup(async (group) => {
          group.createTask(fail)
          await sleep(1000)
        }),
      )
      assert.ok(error instanceof ExceptionGroup)
      assert.deepEqual(error.errors, [value])
      assert.equal(getRunningLoop().time(), 1)
      const { done, pending } = await wait([fail, () => sleep(1000)], {
        returnWhen: 'FIRST_EXCEPTION',
      })
      assert.deepEqual([done.size, pending.size], [1, 1])
    })
  })
}
