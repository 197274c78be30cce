// runVirtual: a clock that jumps when nothing is ready, the same order every time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  backendInfo,
  createTask,
  DeadlockError,
  getRunningLoop,
  sleep,
  TimeoutError,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { Random } from '../parity/random.js'
import { rejectionOf } from '../thrown.js'

test('the clock starts at 0, stands while anything is ready, and jumps to the next timer', async () => {
  const times: number[] = []
  await runVirtual(function* () {
    const loop = getRunningLoop()
    times.push(loop.time())
    for (let i = 0; i < 100; i++) yield* sleep(0)
    times.push(loop.time())
    yield* sleep(2.5)
    times.push(loop.time())
    yield* sleep(1e9)
    times.push(loop.time())
  })
  assert.deepEqual(times, [0, 0, 2.5, 1_000_000_002.5])
})

test('no timer fires before its time, whatever its fractions, and a nanosecond late at most', async () => {
  const seed = Number(process.env.GYRE_SEED ?? Date.now() % 2 ** 31)
  const random = new Random(seed)
  await runVirtual(function* () {
    const loop = getRunningLoop()
    for (let i = 0; i < 1000; i++) {
      const when = loop.time() + random.below(2 ** 30) / 2 ** 28
      const due = loop.createFuture<void>()
      loop.callAt(when, () => due.setResult(undefined))
      yield* due
      const lateMs = loop.time() - when
      assert.ok(lateMs >= 0 && lateMs < 2e-6, `seed ${seed}: ${when} came at ${loop.time()}`)
    }
  })
})

test('who sleeps until a time arrives there', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    for (const delayMs of [1 / 3, 0.1, 0.2, 0.7, Math.PI, 1e-7]) {
      const endMs = loop.time() + delayMs
      let sleeps = 0
      for (; loop.time() < endMs && sleeps < 10; sleeps++) yield* sleep(endMs - loop.time())
      assert.ok(sleeps < 3, `${sleeps} sleeps until ${endMs}`)
    }
  })
})

test('a day of sleeps takes no time', async () => {
  const began = Date.now()
  await runVirtual(async () => {
    for (let hour = 0; hour < 24; hour++) await sleep(3_600_000)
    assert.equal(getRunningLoop().time(), 86_400_000)
  })
  assert.ok(Date.now() - began < 3_600_000)
})

test('the clock waits for async functions that are on their way to their first sleep', async () => {
  const events: string[] = []
  const late = async (name: string, hops: number, ms: number) => {
    for (let i = 0; i < hops; i++) await Promise.resolve()
    await sleep(ms)
    events.push(`${name} at ${getRunningLoop().time()}`)
  }
  await runVirtual(function* () {
    const tasks = [
      createTask(() => late('b', 200, 5)),
      createTask(() => late('a', 0, 4)),
      createTask(() => late('c', 3, 6)),
    ]
    yield* timeout(100, () => late('body', 50, 7))
    for (const task of tasks) yield* task
  })
  assert.deepEqual(events, ['a at 4', 'b at 5', 'c at 6', 'body at 7'])
})

test('the same program gives the same order, every time and on both backends', async () => {
  const traceOf = async (backend?: 'native' | 'fallback') => {
    const events: string[] = []
    await runVirtual(
      async () => {
        const worker = (id: number) => async () => {
          for (let i = 0; i < 5; i++) {
            await sleep((id * 7 + i * 3) % 4)
            events.push(`${id}.${i} at ${getRunningLoop().time()}`)
          }
        }
        await Promise.all(Array.from({ length: 8 }, (_, id) => createTask(worker(id))))
      },
      backend === undefined ? {} : { backend },
    )
    return events
  }
  const first = await traceOf()
  assert.equal(first.length, 40)
  assert.deepEqual(await traceOf(), first)
  assert.deepEqual(await traceOf('fallback'), first)
  if (backendInfo().name === 'native') assert.deepEqual(await traceOf('native'), first)
})

test('a long virtual program keeps going past the budget of a visit', async () => {
  const result = await runVirtual(function* () {
    let count = 0
    const tasks = Array.from({ length: 50 }, () =>
      createTask(function* () {
        for (let i = 0; i < 200; i++) {
          yield* sleep(1)
          count++
        }
      }),
    )
    for (const task of tasks) yield* task
    return count
  })
  assert.equal(result, 10_000)
})

test('the clock does not jump to what never comes: a wait without end is a deadlock', async () => {
  const never = [
    () => sleep(Infinity),
    () => sleep(1e300),
    () => timeout(Infinity, () => getRunningLoop().createFuture()),
    () => wait([getRunningLoop().createFuture()], { timeout: Infinity }),
  ]
  for (const waiting of never) {
    const error = await rejectionOf(runVirtual(async () => await (waiting() as PromiseLike<void>)))
    assert.ok(error instanceof DeadlockError, String(error))
  }
})

test('what waits for ever can still be woken, and cancelled', async () => {
  await runVirtual(async () => {
    const forever = createTask(() => sleep(Infinity))
    assert.ok((await rejectionOf(waitFor(forever, 5))) instanceof TimeoutError)
    assert.equal(getRunningLoop().time(), 5)
    assert.ok(forever.cancelled())
  })
})
