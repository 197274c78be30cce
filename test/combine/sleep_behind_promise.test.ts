// sleep(0) in an async function that comes from a foreign promise: outside of any turn.

import assert from 'node:assert/strict'
import test from 'node:test'
import { createTask, run, sleep } from 'gyre'

const foreign = () => new Promise((resolve) => setImmediate(resolve))

test('a cancellation asked for during a foreign promise is delivered at the sleep(0) behind it', async () => {
  await run(async () => {
    let rounds = 0
    const task = createTask(async () => {
      for (; rounds < 100; rounds++) {
        await foreign()
        await sleep(0)
      }
    })
    await foreign()
    task.cancel('enough')
    await assert.rejects(task.then(), { name: 'CancelledError', reason: 'enough' })
    assert.ok(rounds < 10, `${rounds} rounds`)
  })
})

test('sleep(0) behind a foreign promise lets what is ready run', async () => {
  await run(async () => {
    const order: string[] = []
    await foreign()
    createTask(async () => {
      order.push('other')
    })
    await sleep(0)
    order.push('main')
    assert.deepEqual(order, ['other', 'main'])
  })
})
