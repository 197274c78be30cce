// Cancelling jobs: in the queue, while they run, and with their worker.

import assert from 'node:assert/strict'
import { createTask, isCancelled, sleep, waitFor } from 'gyre'
import { codeOf, rejectionOf } from '../thrown.js'
import { jobs, onBothPools, onPool } from './on_pools.js'

/** Blocks its worker. */
const block = (ms: number) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

onPool(
  'threads',
  'a job that was not started never starts',
  { maxWorkers: 1 },
  async (executor) => {
    const words = new Int32Array(new SharedArrayBuffer(4))
    const set = (shared: Int32Array) => {
      Atomics.add(shared, 0, 1)
    }
    const blocker = executor.submit(block, 50)
    const cancelled = executor.submit(set, words)
    const kept = executor.submit(set, words)
    assert.equal(executor.queueSize, 2)
    assert.equal(cancelled.cancel('not wanted'), true)
    assert.equal(executor.queueSize, 1)
    await blocker
    await kept
    assert.ok(isCancelled(await rejectionOf(cancelled)))
    assert.equal(words[0], 1)
  },
)

onPool('threads', 'a job that runs hears of its signal', {}, async (executor) => {
  const words = new Int32Array(new SharedArrayBuffer(8))
  const job = executor.submit({ module: jobs, name: 'untilCancelled' }, words)
  while (Atomics.load(words, 0) === 0) await sleep(1)
  job.cancel()
  assert.ok(isCancelled(await rejectionOf(job)))
  while (Atomics.load(words, 1) === 0) await sleep(1)
  assert.equal(words[1], 1)
})

onPool('threads', 'a loop that never gives way can ask', { maxWorkers: 1 }, async (executor) => {
  const words = new Int32Array(new SharedArrayBuffer(4))
  const job = executor.submit(function (shared: Int32Array) {
    Atomics.store(shared, 0, 1)
    while (!this.cancelled) Math.random()
  }, words)
  while (Atomics.load(words, 0) === 0) await sleep(1)
  job.cancel()
  // With one thread, this runs only once the loop has ended.
  assert.equal(await executor.submit(() => 'free'), 'free')
})

onBothPools(
  'a cancelled job that runs frees its worker when it ends',
  { maxWorkers: 1 },
  async (executor) => {
    const job = executor.submit({ module: jobs, name: 'untilCancelled' })
    await sleep(300)
    job.cancel()
    assert.equal(await executor.submit(() => 'next'), 'next')
  },
)

onBothPools(
  'cancelling a task cancels the job that it waits for',
  { maxWorkers: 1 },
  async (executor) => {
    const task = createTask(
      async () => await executor.submit({ module: jobs, name: 'untilCancelled' }),
    )
    await sleep(50)
    task.cancel('enough')
    assert.ok(isCancelled(await rejectionOf(task)))
    assert.equal(await executor.submit(() => 1), 1)
  },
)

onBothPools('a timeout cancels the job', { terminate: true }, async (executor) => {
  const error = await rejectionOf(waitFor(executor.submit(block, 60_000), 200))
  assert.equal(codeOf(error), 'ERR_TIMEOUT')
})

onBothPools(
  'with terminate, the worker is ended and its neighbours go on',
  { terminate: true },
  async (executor) => {
    const stuck = executor.submit(() => {
      for (;;) Math.random()
    })
    const neighbour = executor.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      return 'unharmed'
    })
    await sleep(200)
    stuck.cancel()
    assert.ok(isCancelled(await rejectionOf(stuck)))
    assert.equal(await neighbour, 'unharmed')
    const both = [executor.submit(() => 1), executor.submit(() => 2)]
    assert.deepEqual(await Promise.all(both), [1, 2])
  },
)

onBothPools('jobs cancelled at every moment leave a pool that works', {}, async (executor) => {
  for (let delayMs = 0; delayMs < 12; delayMs++) {
    const all = Array.from({ length: 6 }, (_, i) => executor.submit((x: number) => x, i))
    if (delayMs > 0) await sleep(delayMs / 4)
    for (const job of all.slice(0, 4)) job.cancel()
    assert.equal(await all[5], 5)
  }
  assert.equal(executor.queueSize, 0)
})

onBothPools('cancelling a job that is done does nothing', {}, async (executor) => {
  const job = executor.submit(() => 1)
  await job
  assert.equal(job.cancel(), false)
  assert.equal(await job, 1)
})
