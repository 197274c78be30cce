// sleep: a future with a timer, a result, and an AbortSignal if wanted.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { CancelledError, createTask, getRunningLoop, run, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

test('a sleep takes its time and gives its result', async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop()
    assert.equal(await sleep(5), undefined)
    assert.equal(loop.time(), 5)
    assert.equal(await sleep(0.25, 'result'), 'result')
    assert.equal(loop.time(), 5.25)
    assert.equal(await sleep(0, 'at once'), 'at once')
    assert.equal(loop.time(), 5.25)
  })
})

test('a sleep on the real clock never ends early', async () => {
  await run(async () => {
    const loop = getRunningLoop()
    for (const ms of [0.1, 0.3, 1, 1.7, 3]) {
      const deadline = loop.time() + ms
      await sleep(ms)
      assert.ok(loop.time() >= deadline, `${ms}`)
    }
  })
})

test('sleeps end by deadline, and equal ones in the order in which they began', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const sleeper = (name: string, ms: number) =>
      createTask(function* () {
        yield* sleep(ms)
        events.push(name)
      })
    const tasks = [sleeper('c', 3), sleeper('a', 1), sleeper('b1', 2), sleeper('b2', 2)]
    for (const task of tasks) await task
  })
  assert.deepEqual(events, ['a', 'b1', 'b2', 'c'])
})

test('the same sleep can be waited for by many, before and after its end', async () => {
  await runVirtual(async () => {
    const shared = sleep(5, 'shared')
    const waiters = Array.from({ length: 3 }, () =>
      createTask(function* () {
        return yield* shared
      }),
    )
    for (const waiter of waiters) assert.equal(await waiter, 'shared')
    assert.equal(await shared, 'shared')
    const zero = sleep(0, 'zero')
    assert.deepEqual(await Promise.all([zero, zero, zero]), ['zero', 'zero', 'zero'])
    assert.equal(await zero, 'zero')
  })
})

test('sleep(0) that is cancelled, or completed by hand, tells those who wait', async () => {
  await runVirtual(async () => {
    const cancelled = sleep(0)
    const waiter = createTask(function* () {
      yield* cancelled
    })
    cancelled.cancel('no time')
    assert.ok((await rejectionOf(waiter)) instanceof CancelledError)
    const early = sleep(1000, 'late')
    early.setResult('by hand')
    assert.equal(await early, 'by hand')
    assert.equal(getRunningLoop().metrics().timers, 0)
    const failed = sleep(1000)
    failed.setException(new Error('by hand'))
    await assert.rejects(async () => await failed, /by hand/)
    assert.equal(getRunningLoop().metrics().timers, 0)
  })
})

test('an AbortSignal cancels the sleep with its reason and is let go of afterwards', async () => {
  await runVirtual(async () => {
    const controller = new AbortController()
    const reason = new Error('stop')
    getRunningLoop().callLater(5, () => controller.abort(reason))
    const error = await rejectionOf(sleep(1000, undefined, { signal: controller.signal }))
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, reason)
    assert.equal(getRunningLoop().time(), 5)
    const aborted = await rejectionOf(sleep(1000, undefined, { signal: AbortSignal.abort(reason) }))
    assert.equal((aborted as CancelledError).reason, reason)
    const { signal } = new AbortController()
    await sleep(1, undefined, { signal })
    await sleep(0)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})

test('what is no number of milliseconds is refused', async () => {
  await runVirtual(async () => {
    assert.throws(() => sleep(NaN), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
    for (const ms of ['5', null, undefined, {}, 5n]) {
      // @ts-expect-error not a number
      assert.throws(() => sleep(ms), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
    }
    // @ts-expect-error not a signal
    assert.throws(() => sleep(5, undefined, { signal: 'stop' }), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.equal(getRunningLoop().metrics().timers, 0, 'a refused sleep leaves no timer')
    const forever = sleep(Infinity)
    await sleep(1e9)
    assert.equal(forever.done(), false)
    forever.cancel()
  })
})
