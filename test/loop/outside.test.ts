// What is completed from outside of any turn, by callbacks of Node's: when who waits for it goes on, and
// that what it then asks for is heard of.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Coroutine,
  createTask,
  Future,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  run,
  sleep,
} from 'gyre'

/** A future that Node's event loop completes. */
function fromNode(): Future<void> {
  const future = new Future<void>()
  setImmediate(() => future.setResult())
  return future
}

test("who waits goes on before the next callback of Node's", async () => {
  const order: string[] = []
  await run(function* main(): Coroutine<void> {
    const future = new Future<void>()
    const last = new Future<void>()
    const waiter = createTask(function* waiter(): Coroutine<void> {
      yield* future
      order.push('generator')
    })
    const other = createTask(async () => {
      await future
      order.push('async function')
    })
    // The loop is asleep when they come.
    yield* sleep(1)
    setImmediate(() => {
      future.setResult()
      order.push('callback')
    })
    setImmediate(() => {
      order.push('next callback')
      last.setResult()
    })
    yield* last
    yield* waiter
    yield* other
  })
  assert.deepEqual(order, ['callback', 'generator', 'async function', 'next callback'])
})

test('what async functions schedule there runs behind all that were resumed with them', async () => {
  const order: string[] = []
  await run(async () => {
    const loop = getRunningLoop()
    const future = fromNode()
    const nested = async (depth: number): Promise<void> => {
      if (depth === 0) await future
      else await nested(depth - 1)
    }
    const tasks = [0, 3, 9].map((depth) =>
      createTask(async () => {
        await nested(depth)
        order.push(`depth ${depth}`)
        loop.callSoon(() => order.push('callback'))
      }),
    )
    for (const task of tasks) await task
    await sleep(0)
  })
  assert.deepEqual(order.slice(0, 3), ['depth 0', 'depth 3', 'depth 9'])
  assert.deepEqual(order.slice(3), ['callback', 'callback', 'callback'])
})

test('a timer armed behind a wake-up keeps the process, however many turns come between', async () => {
  for (const turns of [0, 1, 15, 16, 17, 40, 400]) {
    await run(function* main(): Coroutine<void> {
      yield* fromNode()
      const timer = sleep(2)
      for (let i = 0; i < turns; i++) yield* sleep(0)
      yield* timer
    })
    await run(async () => {
      await fromNode()
      const timer = sleep(2)
      for (let i = 0; i < turns; i++) await sleep(0)
      await timer
    })
  }
})

test('a timer armed by the callback itself, or behind another promise, fires', async () => {
  await run(async () => {
    const loop = getRunningLoop()
    for (const delayMs of [0, 0.3, 2]) {
      const fired = new Future<void>()
      setImmediate(() => loop.callLater(delayMs, () => fired.setResult()))
      await fired
      await fromNode()
      await new Promise((resolve) => setImmediate(resolve))
      await sleep(delayMs)
    }
  })
})

test('async functions that wake one another do not keep Node from its own events', async () => {
  await run(async () => {
    let isOver = false
    let rounds = 0
    const spin = createTask(async () => {
      await fromNode()
      for (; !isOver; rounds++) await sleep(0)
    })
    await fromNode()
    await new Promise<void>((resolve) => setTimeout(resolve, 3))
    isOver = true
    await spin
    assert.ok(rounds > 0)
  })
})

test('stop() from the function that a wake-up resumed ends the loop, though nothing is ready', async () => {
  const loop = newEventLoop()
  const future = loop.createFuture()
  loop.createTask(async () => {
    await future
    loop.stop()
  })
  // Long after the first visit, when the loop sleeps.
  setTimeout(() => future.setResult(1), 2)
  await loop.runForever()
  loop.close()
})

test('stop() and what ends the loop are heard behind the microtasks of a visit for a timer', async () => {
  for (const end of ['stop', 'interrupt']) {
    const loop = newEventLoop()
    const late: string[] = []
    loop.createTask(async () => {
      await sleep(1)
      if (end === 'interrupt') throw new KeyboardInterrupt()
      loop.stop()
    })
    loop.callLater(2000, () => late.push(end))
    const outcome = await loop.runForever().then(
      () => 'stop',
      (error) => (error instanceof KeyboardInterrupt ? 'interrupt' : error),
    )
    assert.equal(outcome, end)
    assert.deepEqual(late, [])
    loop.close()
  }
})

test('stop() lets all that a wake-up resumed go on first, and is heard once', async () => {
  const loop = newEventLoop()
  const order: string[] = []
  const future = loop.createFuture<void>()
  loop.createTask(async () => {
    await future
    loop.stop()
    order.push('stop')
  })
  loop.createTask(async () => {
    const nested = async (depth: number): Promise<void> => {
      if (depth === 0) await future
      else await nested(depth - 1)
    }
    await nested(9)
    order.push('other')
  })
  setTimeout(() => future.setResult(), 2)
  await loop.runForever()
  assert.deepEqual(order, ['stop', 'other'])
  assert.equal(loop.metrics().ready, 0)
  // The next run is not stopped by what stopped this one.
  loop.callLater(1, () => {
    order.push('timer')
    loop.stop()
  })
  await loop.runForever()
  assert.deepEqual(order, ['stop', 'other', 'timer'])
  loop.close()
})
