// A future in async functions: then, catch and finally, as those of a promise.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledError, createTask, Future, getRunningLoop, newEventLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { runProgram } from '../program.js'
import { codeOf, rejectionOf } from '../thrown.js'

/** A future that gets a result, and one that fails, both after a turn. */
function twoFutures(): { good: Future<number>; bad: Future<number> } {
  const good = new Future<number>()
  const bad = new Future<number>()
  getRunningLoop().callSoon(() => {
    good.setResult(2)
    bad.setException(new Error('bad'))
  })
  return { good, bad }
}

test('then runs the handler that fits and gives a promise of what it returns', async () => {
  await runVirtual(async () => {
    const { good, bad } = twoFutures()
    const never = () => assert.fail('the wrong handler ran')
    assert.equal(await good.then((n) => n * 10, never), 20)
    assert.equal(await bad.then(never, (error: unknown) => (error as Error).message), 'bad')
    assert.equal(await good.then((n) => Promise.resolve(n + 1)), 3)
    assert.equal(await good.then(), 2)
    assert.equal(await good.then(null, never), 2)
    assert.equal(await good.then((n) => n).then((n) => n + 5), 7)
  })
})

test('a handler that throws rejects what then returned', async () => {
  await runVirtual(async () => {
    const { good, bad } = twoFutures()
    const failure = new Error('in the handler')
    const explode = () => {
      throw failure
    }
    assert.equal(await rejectionOf(good.then(explode)), failure)
    assert.equal(await rejectionOf(bad.then(undefined, explode)), failure)
    assert.equal(await rejectionOf(good.then(explode)), failure)
  })
})

test('catch and finally do as those of a promise', async () => {
  await runVirtual(async () => {
    const { good, bad } = twoFutures()
    const events: string[] = []
    assert.equal(await bad.catch(() => 9), 9)
    assert.equal(await good.catch(() => 9), 2)
    assert.equal(await good.finally(() => events.push('good')), 2)
    assert.equal(
      ((await rejectionOf(bad.finally(() => events.push('bad')))) as Error).message,
      'bad',
    )
    assert.deepEqual(events, ['good', 'bad'])
  })
})

test('what then returns can be continued before and after it is settled', async () => {
  await runVirtual(async () => {
    const future = new Future<number>()
    const promise = future.then((n) => n + 1)
    const early = promise.then((n) => n * 10)
    const both = Promise.all([promise, promise])
    future.setResult(1)
    assert.equal(await early, 20)
    assert.deepEqual(await both, [2, 2])
    assert.equal(await promise, 2)
    assert.equal(await promise.finally(() => {}), 2)
    assert.equal(await promise.catch(() => 0), 2)
  })
})

test('a future works in Promise.all, race, allSettled and Promise.resolve', async () => {
  await runVirtual(async () => {
    const { good, bad } = twoFutures()
    const never = new Future<number>()
    const [settledGood, settledBad] = await Promise.allSettled([good, bad])
    assert.deepEqual(settledGood, { status: 'fulfilled', value: 2 })
    assert.equal(settledBad.status, 'rejected')
    assert.deepEqual(await Promise.all([good, sleep(1, 'slept')]), [2, 'slept'])
    assert.equal(await Promise.race([never, sleep(5, 'first')]), 'first')
    assert.equal(await Promise.resolve(good), 2)
  })
})

test('a future outside of any task can be awaited', async () => {
  const loop = newEventLoop()
  const future = loop.createFuture<number>()
  const awaited = (async () => (await future) + 1)()
  await loop.runUntilComplete(function* () {
    future.setResult(1)
    yield* sleep(0)
  })
  assert.equal(await awaited, 2)
  loop.close()
  assert.equal(await future, 1, 'a done future outlives its loop')
})

test('awaiting a pending future of a closed loop rejects instead of hanging', async () => {
  const loop = newEventLoop()
  const future = loop.createFuture()
  loop.close()
  assert.equal(codeOf(await rejectionOf(future)), 'ERR_EVENT_LOOP_CLOSED')
})

test('a rejection that nobody handles is one of Node, not a silence', async () => {
  const end = await runProgram(`
    import { Future, run, sleep } from 'gyre'
    process.on('unhandledRejection', (error) => console.log('unhandled', error.message))
    await run(async () => {
      const future = new Future()
      future.then(() => {})
      await sleep(0)
      future.setException(new Error('nobody listens'))
      await sleep(1)
    })
  `)
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, 'unhandled nobody listens\n', ''])
})

test('an async function advances within one turn of the loop for each future', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const ticker = createTask(async () => {
      for (let i = 0; i < 3; i++) {
        events.push(`tick ${i}`)
        await sleep(0)
      }
    })
    const talker = createTask(async () => {
      for (let i = 0; i < 3; i++) {
        events.push(`talk ${i}`)
        await sleep(0)
      }
    })
    await ticker
    await talker
  })
  assert.deepEqual(events, ['tick 0', 'talk 0', 'tick 1', 'talk 1', 'tick 2', 'talk 2'])
})

test('an await of several futures at once is reached by one cancel', async () => {
  await runVirtual(async () => {
    const [a, b] = [new Future<void>(), new Future<void>()]
    const task = createTask(async () => {
      await Promise.all([a, b])
    })
    await sleep(0)
    task.cancel('both')
    const error = await rejectionOf(task)
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, 'both')
    assert.equal(a.cancelled(), true)
    assert.equal(b.cancelled(), true)
  })
})
