// every: periodic work, under the virtual clock.

import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import test from 'node:test'
import {
  type Coroutine,
  type ExceptionContext,
  every,
  getRunningLoop,
  isCancelled,
  sleep,
  type Task,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

/** A test whose body runs under the virtual clock, from time 0; reports to the loop fail it. */
function testVirtual(name: string, body: (reports: ExceptionContext[]) => Coroutine<void>): void {
  test(name, async () => {
    const reports: ExceptionContext[] = []
    await runVirtual(function* () {
      getRunningLoop().setExceptionHandler((_loop, context) => void reports.push(context))
      yield* body(reports)
    })
    assert.deepEqual(reports, [], 'the loop had errors to report')
  })
}

const now = () => getRunningLoop().time()

function* endOf(task: Task<never>): Coroutine<unknown> {
  try {
    return yield* task
  } catch (error) {
    return error
  }
}

testVirtual('it calls a plain function every so often, first after one period', function* () {
  const times: number[] = []
  const task = every(100, () => times.push(now()))
  yield* sleep(450)
  task.cancel()
  assert.equal(isCancelled(yield* endOf(task)), true)
  yield* sleep(1000)
  assert.deepEqual(times, [100, 200, 300, 400])
})

testVirtual('with immediate the first run begins at once', function* () {
  const times: number[] = []
  const task = every(100, () => times.push(now()), { immediate: true })
  yield* sleep(250)
  task.cancel()
  assert.deepEqual(times, [0, 100, 200])
})

for (const [kind, work] of [
  [
    'a generator function',
    function* () {
      yield* sleep(30)
    },
  ],
  [
    'an async function',
    async () => {
      await sleep(30)
    },
  ],
  ['a function that gives a future', () => sleep(30)],
] as const) {
  testVirtual(`${kind} that takes its time delays no later run`, function* () {
    const times: number[] = []
    const task = every(100, () => {
      times.push(now())
      return work()
    })
    yield* sleep(350)
    task.cancel()
    assert.deepEqual(times, [100, 200, 300])
  })
}

testVirtual('nothing drifts, whatever the runs take', function* () {
  const times: number[] = []
  const task = every(10, function* () {
    times.push(now())
    yield* sleep((times.length * 7) % 10)
  })
  yield* sleep(100_005)
  task.cancel()
  assert.equal(times.length, 10_000)
  assert.equal(times.at(-1), 100_000)
})

testVirtual('runs do not overlap: a time that passes meanwhile is left out', function* () {
  const times: number[] = []
  let running = 0
  const task = every(100, function* () {
    assert.equal(++running, 1)
    times.push(now())
    yield* sleep(250)
    running--
  })
  yield* sleep(1000)
  task.cancel()
  assert.deepEqual(times, [100, 400, 700])
})

testVirtual('a run that ends just when the next is due leaves nothing out', function* () {
  const times: number[] = []
  const task = every(0.1, function* () {
    times.push(Math.round(now() * 10))
    yield* sleep(0.2)
  })
  yield* sleep(1)
  task.cancel()
  assert.deepEqual(times, [1, 3, 5, 7, 9])
})

testVirtual('with overlap each run begins in its time', function* () {
  const times: number[] = []
  let most = 0
  let running = 0
  const work = function* () {
    most = Math.max(most, ++running)
    times.push(now())
    yield* sleep(250)
    running--
  }
  const task = every(100, work, { overlap: true })
  yield* sleep(550)
  assert.deepEqual(times, [100, 200, 300, 400, 500])
  assert.equal(most, 3)
  task.cancel()
  yield* endOf(task)
})

testVirtual('cancelling it cancels what runs, and ends when that has ended', function* () {
  for (const overlap of [false, true]) {
    const log: string[] = []
    const work = function* () {
      const began = now()
      try {
        yield* sleep(1e6)
      } finally {
        yield* sleep(5)
        log.push(`cleaned up after ${now() - began}`)
      }
    }
    const task = every(100, work, { overlap })
    yield* sleep(250)
    task.cancel()
    assert.equal(isCancelled(yield* endOf(task)), true)
    const expected = overlap ? [155, 55] : [155]
    assert.deepEqual(
      log,
      expected.map((ms) => `cleaned up after ${ms}`),
    )
  }
})

testVirtual('a run that is cancelled by itself is no error, and the next one comes', function* () {
  let count = 0
  const task = every(100, function* () {
    count++
    yield* waitFor(sleep(50), 60)
    const inner = sleep(10)
    inner.cancel()
    yield* inner
  })
  yield* sleep(350)
  assert.equal(task.done(), false)
  task.cancel()
  assert.equal(count, 3)
})

testVirtual('an error is reported, and the next run comes in its time', function* (reports) {
  const times: number[] = []
  const task = every(100, () => {
    times.push(now())
    if (times.length < 3) throw new RangeError(`run ${times.length}`)
  })
  yield* sleep(350)
  task.cancel()
  assert.deepEqual(times, [100, 200, 300])
  const seen = reports.splice(0)
  assert.deepEqual(
    seen.map(({ message, exception }) => [message, String(exception)]),
    [
      ['Exception in periodic work', 'RangeError: run 1'],
      ['Exception in periodic work', 'RangeError: run 2'],
    ],
  )
})

testVirtual('with stopOnError the first error ends the task, which fails with it', function* () {
  for (const overlap of [false, true]) {
    const startMs = now()
    const ended: string[] = []
    let count = 0
    const work = function* () {
      if (++count === 2) {
        yield* sleep(30)
        throw new RangeError('second')
      }
      try {
        yield* sleep(overlap ? 1e6 : 50)
      } finally {
        ended.push(`at ${now() - startMs}`)
      }
    }
    const task = every(100, work, { overlap, stopOnError: true })
    assert.equal(String(yield* endOf(task)), 'RangeError: second')
    assert.equal(now() - startMs, 230)
    assert.deepEqual(ended, [overlap ? 'at 230' : 'at 150'])
    assert.equal(count, 2)
  }
})

testVirtual('an error in the turn in which the next run is due still ends it', function* () {
  let count = 0
  const work = function* () {
    count++
    yield* sleep(100)
    throw new RangeError(`run ${count}`)
  }
  const task = every(100, work, { overlap: true, stopOnError: true })
  assert.match(String(yield* endOf(task)), /RangeError: run/)
  assert.ok(count <= 2)
})

testVirtual('it has a name, and keeps the AsyncLocalStorage context of the call', function* () {
  const storage = new AsyncLocalStorage<string>()
  const seen = new Set<unknown>()
  const make = () => every(10, () => void seen.add(storage.getStore()))
  const task = storage.run('mine', make)
  assert.equal(task.getName(), 'every 10 ms')
  yield* sleep(25)
  task.cancel()
  assert.deepEqual([...seen], ['mine'])
  const named = every(10, () => {}, { name: 'beat' })
  assert.equal(named.getName(), 'beat')
  named.cancel()
})

testVirtual('the end of run ends it', function* () {
  every(10, () => sleep(3))
  yield* sleep(35)
})

testVirtual('wrong arguments are refused at once', function* () {
  const cases: [unknown, unknown, unknown, string][] = [
    ['1', () => {}, {}, 'ERR_INVALID_ARG_TYPE'],
    [0, () => {}, {}, 'ERR_OUT_OF_RANGE'],
    [-1, () => {}, {}, 'ERR_OUT_OF_RANGE'],
    [Number.NaN, () => {}, {}, 'ERR_OUT_OF_RANGE'],
    [Infinity, () => {}, {}, 'ERR_OUT_OF_RANGE'],
    [1, undefined, {}, 'ERR_INVALID_ARG_TYPE'],
    [1, sleep(1), {}, 'ERR_INVALID_ARG_TYPE'],
    [1, async function* () {}, {}, 'ERR_INVALID_ARG_TYPE'],
    [1, () => {}, null, 'ERR_INVALID_ARG_TYPE'],
    [1, () => {}, { overlap: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [1, () => {}, { immediate: 'yes' }, 'ERR_INVALID_ARG_TYPE'],
    [1, () => {}, { stopOnError: null }, 'ERR_INVALID_ARG_TYPE'],
  ]
  for (const [ms, fn, options, code] of cases) {
    assert.throws(() => every(ms as number, fn as () => void, options as object), { code })
  }
  yield* sleep(0)
})
