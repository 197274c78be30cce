// task.signal: made on first use, aborted when the task is cancelled.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { CancelledError, createTask, currentTask, run, sleep, type Task } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

test('the signal is aborted by cancel, with the CancelledError as its reason', async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1000))
    const { signal } = task
    assert.equal(task.signal, signal)
    assert.equal(signal.aborted, false)
    await sleep(1)
    task.cancel('stop')
    assert.equal(signal.aborted, true)
    assert.ok(signal.reason instanceof CancelledError)
    assert.equal(signal.reason.reason, 'stop')
    await rejectionOf(task)
  })
})

test('a signal that is asked for after the cancel is aborted already', async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1000))
    await sleep(1)
    task.cancel()
    assert.equal(task.signal.aborted, true)
    await rejectionOf(task)
    assert.equal(task.signal.aborted, true)
  })
})

test('a task that ends by itself leaves its signal alone', async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(5))
    const { signal } = task
    await task
    assert.equal(task.cancel(), false)
    assert.equal(signal.aborted, false)
  })
})

test('after an uncancel the next signal is a fresh one', async () => {
  await runVirtual(function* () {
    const task = currentTask() as Task<unknown>
    const first = task.signal
    task.cancel()
    assert.equal(first.aborted, true)
    assert.equal(task.uncancel(), 0)
    assert.equal(task.signal.aborted, false)
    assert.notEqual(task.signal, first)
    yield* sleep(1)
  })
})

test('a fetch that is given the signal ends with its task', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await run(async () => {
      const task = createTask(async () => {
        const signal = (currentTask() as Task<unknown>).signal
        await fetch(`http://127.0.0.1:${port}/`, { signal })
      })
      await sleep(20)
      task.cancel('no patience')
      await rejectionOf(task)
      assert.equal(task.done(), true)
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
