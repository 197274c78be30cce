// An operation in async functions that has to wait: then, catch and finally, as those of a promise. What
// `then` gives makes a promise only when somebody goes on from it, so each way of going on is tried.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  getRunningLoop,
  newEventLoop,
  type Operation,
  Queue,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { runProgram } from '../program.js'
import { codeOf, rejectionOf } from '../thrown.js'

/** An operation that waits for a turn and gives 2. */
function waiting(): Operation<number> {
  const queue = new Queue<number>()
  getRunningLoop().callSoon(() => queue.putNowait(2))
  return queue.get()
}

/** One that waits for a turn and fails. */
function failing(): Operation<number> {
  const queue = new Queue<number>()
  getRunningLoop().callSoon(() => queue.shutdown())
  return queue.get()
}

test('then of an operation runs the handler that fits and gives what it returns', async () => {
  await runVirtual(async () => {
    const never = () => assert.fail('the wrong handler ran')
    assert.equal(await waiting().then((n) => n * 10, never), 20)
    assert.equal(await failing().then(never, () => 'handled'), 'handled')
    assert.equal(await waiting().then(), 2)
    assert.equal(codeOf(await rejectionOf(failing().then(never))), 'ERR_QUEUE_SHUT_DOWN')
    assert.equal(await waiting().then(async (n) => n + 1), 3)
  })
})

test('a handler of an operation that throws rejects what then returned', async () => {
  await runVirtual(async () => {
    const broken = new Error('broken')
    const fail = () => {
      throw broken
    }
    assert.equal(await rejectionOf(waiting().then(fail)), broken)
    assert.equal(await rejectionOf(failing().then(undefined, fail)), broken)
    assert.equal(
      await waiting()
        .then(fail)
        .catch((error) => error),
      broken,
    )
  })
})

test('what then of an operation returns can be continued before and after it settles', async () => {
  await runVirtual(async () => {
    const chained = waiting().then((n) => n + 1)
    const order: string[] = []
    const before = chained.then((n) => order.push(`before ${n}`))
    await sleep(10)
    await chained.then((n) => order.push(`after ${n}`))
    await before
    await chained.finally(() => order.push('finally'))
    assert.deepEqual(order, ['before 3', 'after 3', 'finally'])
    assert.deepEqual(await Promise.all([waiting(), waiting()]), [2, 2])
  })
})

test('cancelling a task that awaits an operation rejects the await, and finally runs', async () => {
  await runVirtual(async () => {
    const seen: unknown[] = []
    const task = createTask(async () => {
      try {
        await new Queue<number>().get()
      } catch (error) {
        seen.push(error instanceof CancelledError)
        throw error
      } finally {
        seen.push('finally')
      }
    })
    await sleep(10)
    task.cancel()
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    assert.deepEqual(seen, [true, 'finally'])
  })
})

test('a handler of an operation that throws with nobody to hear of it is a rejection of Node', async () => {
  const end = await runProgram(`
    import { Queue, run, sleep } from 'gyre'
    process.on('unhandledRejection', (error) => console.log('unhandled', error.message))
    await run(async () => {
      const queue = new Queue()
      queue.get().then(() => { throw new Error('nobody listens') })
      await sleep(0)
      queue.putNowait(1)
      await sleep(1)
    })
  `)
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, 'unhandled nobody listens\n', ''])
})

test('an operation that a handler gives begins, also when nobody goes on from there', async () => {
  await runVirtual(async () => {
    const queue = new Queue<string>()
    sleep(1).then(() => queue.put('behind a future'))
    waiting().then(() => queue.put('behind an operation'))
    sleep(1).then(null, () => queue.put('never'))
    await sleep(2)
    assert.deepEqual([queue.getNowait(), queue.getNowait()].sort(), [
      'behind a future',
      'behind an operation',
    ])
    assert.ok(queue.empty())
  })
})

test('an operation goes on in its own loop, whichever loop wakes it', async () => {
  const queue = new Queue<number>()
  const got = (async () => await queue.get())()
  // It begins behind a microtask, on the thread's own loop.
  await new Promise((resolve) => setImmediate(resolve))
  const loop = newEventLoop()
  loop.callSoon(() => {
    queue.putNowait(7)
    loop.stop()
  })
  await loop.runForever()
  loop.close()
  assert.equal(await got, 7)
})
