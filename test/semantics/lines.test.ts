// Lines of semantics.md that stand in no other test, or only in part. See covered.test.ts for the rest.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asyncGenerator,
  CancelledError,
  Condition,
  type Coroutine,
  createTask,
  gather,
  getRunningLoop,
  newEventLoop,
  Queue,
  run,
  sleep,
  toThread,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

test('line 3: a sleep of a fraction of a millisecond takes a fraction, not a whole one', async () => {
  let shortest = Infinity
  await run(function* () {
    const loop = getRunningLoop()
    for (let i = 0; i < 300; i++) {
      const began = loop.time()
      yield* sleep(0.3)
      const took = loop.time() - began
      assert.ok(took >= 0.3, `${took}`)
      shortest = Math.min(shortest, took)
    }
  })
  // The shortest of many: a machine that is busy makes some of them long.
  assert.ok(shortest < 0.9, `${shortest}`)
})

test('line 5: close() does not wait for the executor', { timeout: 60_000 }, async () => {
  const words = new Int32Array(new SharedArrayBuffer(12))
  const loop = newEventLoop()
  const job = loop.runInExecutor(
    null,
    (shared: Int32Array) => {
      shared[0] = 1
      Atomics.wait(shared, 1, 0, 30_000)
      shared[2] = 1
    },
    words,
  )
  job.then(undefined, () => {})
  await loop.runUntilComplete(async () => {
    while (Atomics.load(words, 0) === 0) await sleep(1)
  })
  loop.close()
  assert.equal(Atomics.load(words, 2), 0, 'the job has ended before close() returned')
  Atomics.store(words, 1, 1)
  Atomics.notify(words, 1)
})

for (const kind of ['generator', 'async'] as const) {
  test(`line 19: the reason goes through every level unchanged, ${kind}`, async () => {
    const reason = { why: 'closing' }
    const seen: unknown[] = []
    const generators = function* level(depth: number): Coroutine<void> {
      try {
        if (depth === 0) yield* sleep(1000)
        else if (depth % 2 === 0) yield* createTask(level(depth - 1))
        else yield* level(depth - 1)
      } catch (error) {
        seen.push((error as CancelledError).reason)
        throw error
      }
    }
    const functions = async (depth: number): Promise<void> => {
      try {
        if (depth === 0) await sleep(1000)
        else if (depth % 2 === 0) await createTask(() => functions(depth - 1))
        else await functions(depth - 1)
      } catch (error) {
        seen.push((error as CancelledError).reason)
        throw error
      }
    }
    await runVirtual(async () => {
      const task = createTask(kind === 'generator' ? generators(4) : () => functions(4))
      await sleep(1)
      task.cancel(reason)
      const error = await rejectionOf(task)
      assert.ok(error instanceof CancelledError)
      seen.push(error.reason)
    })
    assert.equal(seen.length, 6)
    assert.ok(seen.every((one) => one === reason))
  })
}

test('line 42: a waiter of a condition that is cancelled passes its notification on', async () => {
  await runVirtual(function* () {
    const condition = new Condition()
    const woken: string[] = []
    const waiting = (name: string) =>
      createTask(function* () {
        yield* condition.acquire()
        try {
          yield* condition.wait()
          woken.push(name)
        } finally {
          condition.release()
        }
      })
    const first = waiting('first')
    const second = waiting('second')
    yield* sleep(1)
    yield* condition.acquire()
    condition.notify()
    condition.release()
    first.cancel()
    const [error] = yield* gather([first, second], { returnExceptions: true })
    assert.ok(error instanceof CancelledError)
    assert.deepEqual(woken, ['second'])
  })
})

test('line 44: a putter that is cancelled when it was woken passes its place to the next', async () => {
  await runVirtual(function* () {
    const queue = new Queue<string>(1)
    queue.putNowait('there')
    const first = createTask(queue.put('first'))
    const second = createTask(queue.put('second'))
    yield* sleep(0)
    assert.equal(queue.getNowait(), 'there')
    first.cancel()
    const [error] = yield* gather([first, second], { returnExceptions: true })
    assert.ok(error instanceof CancelledError)
    assert.equal(queue.getNowait(), 'second')
    assert.equal(queue.empty(), true)
  })
})

test('line 52: the end of run, in its order', { timeout: 60_000 }, async () => {
  const events: string[] = []
  const held: unknown[] = []
  const words = new Int32Array(new SharedArrayBuffer(8))
  const rows = asyncGenerator(async function* () {
    try {
      yield 1
    } finally {
      await sleep(1)
      events.push('generator closed')
      Atomics.store(words, 0, 1)
      Atomics.notify(words, 0)
    }
  })
  const loop = newEventLoop()
  loop.setExceptionHandler((_loop, { message }) => events.push(message))
  await run(
    async () => {
      const generator = rows()
      held.push(generator)
      await generator.next()
      // It ends only behind the generator, and run waits for it.
      toThread((shared: Int32Array) => {
        Atomics.wait(shared, 0, 0, 30_000)
        shared[1] = 1
      }, words).then(undefined, () => {})
      createTask(async () => {
        try {
          await sleep(60_000)
        } finally {
          await sleep(1)
          events.push('task ended')
          // biome-ignore lint/correctness/noUnsafeFinally: an error while cleaning up
          throw new Error('while cleaning up')
        }
      })
      await sleep(5)
      events.push('main ended')
    },
    { loopFactory: () => loop },
  )
  assert.deepEqual(events, [
    'main ended',
    'task ended',
    'unhandled exception during run() shutdown',
    'generator closed',
  ])
  assert.equal(Atomics.load(words, 1), 1, 'run did not wait for the default executor')
  assert.equal(loop.isClosed(), true)
})
