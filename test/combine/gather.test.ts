// gather: results in order, the first error, cancelling, and the order of its events.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  CancelledError,
  type Coroutine,
  createTask,
  Future,
  gather,
  getRunningLoop,
  newEventLoop,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

function* after<T>(ms: number, value: T): Generator<Future<unknown>, T, unknown> {
  yield* sleep(ms)
  return value
}

function* failAfter(ms: number, message: string): Generator<Future<unknown>, never, unknown> {
  yield* sleep(ms)
  throw new Error(message)
}

test('results stand in the order of the arguments, whenever they came', async () => {
  await runVirtual(function* () {
    assert.deepEqual(yield* gather(after(3, 'a'), after(1, 'b'), after(2, 'c')), ['a', 'b', 'c'])
  })
  await runVirtual(async () => {
    const all = await gather(async () => 1, after(1, 'two'), Promise.resolve(3), sleep(2, 4))
    assert.deepEqual(all, [1, 'two', 3, 4])
  })
})

test('gather of nothing resolves to an empty array, in every form', async () => {
  await runVirtual(function* () {
    assert.deepEqual(yield* gather(), [])
    assert.deepEqual(yield* gather([]), [])
    assert.deepEqual(yield* gather([], { returnExceptions: true }), [])
  })
})

test('gather takes a list, a set and a generator of coroutines', async () => {
  await runVirtual(function* () {
    const many = Array.from({ length: 100 }, (_, i) => after(100 - i, i))
    assert.deepEqual(
      yield* gather(many),
      Array.from({ length: 100 }, (_, i) => i),
    )
  })
})

test('a list that changes behind gather changes nothing', async () => {
  await runVirtual(function* () {
    const list = [after(1, 'a'), after(2, 'b'), after(3, 'c')]
    const gathered = gather(list, { limit: 1 })
    list.length = 0
    assert.deepEqual(yield* gathered, ['a', 'b', 'c'])
  })
})

test('the first error propagates at once, and the siblings keep running', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const sibling = createTask(async () => {
      await sleep(10)
      events.push('the sibling ended')
      return 'sibling'
    })
    const all = gather(sibling, failAfter(5, 'first'), failAfter(6, 'second'))
    assert.equal(messageOf(await rejectionOf(all)), 'first')
    events.push('gather failed')
    assert.equal(await sibling, 'sibling')
  })
  assert.deepEqual(events, ['gather failed', 'the sibling ended'])
})

test('with returnExceptions, errors and cancellations are values', async () => {
  await runVirtual(function* () {
    const cancelled = createTask(after(100, 'never'))
    cancelled.cancel('why')
    const [a, b, c] = yield* gather([after(1, 'a'), failAfter(2, 'b'), cancelled], {
      returnExceptions: true,
    })
    assert.equal(a, 'a')
    assert.equal(messageOf(b), 'b')
    assert.ok(c instanceof CancelledError)
  })
})

test('a cancelled child counts as an error; the gather itself is not cancelled', async () => {
  await runVirtual(async () => {
    const child = createTask(after(100, 'never'))
    const all = gather(child, after(50, 'b'))
    await sleep(1)
    child.cancel('the child')
    const error = await rejectionOf(all)
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, 'the child')
    assert.equal(all.cancelled(), false)
    assert.ok(all.exception() instanceof CancelledError)
  })
})

for (const returnExceptions of [false, true]) {
  test(`cancelling gather cancels every child (returnExceptions ${returnExceptions})`, async () => {
    const events: string[] = []
    function* slowToDie(name: string): Generator<Future<unknown>, void, unknown> {
      try {
        yield* sleep(1000)
      } finally {
        yield* sleep(5)
        events.push(`${name} cleaned up`)
      }
    }
    await runVirtual(async () => {
      const children = ['a', 'b'].map((name) => createTask(slowToDie(name)))
      const all = gather(children, { returnExceptions })
      await sleep(1)
      assert.equal(all.cancel('stop'), true)
      assert.equal(all.done(), false, 'it ends once the children are done')
      const error = await rejectionOf(all)
      assert.ok(error instanceof CancelledError)
      assert.equal(error.reason, 'stop')
      events.push('gather ended')
      for (const child of children) assert.equal(child.cancelled(), true)
    })
    const cleanups = events.filter((event) => event.endsWith('cleaned up'))
    assert.equal(cleanups.length, 2)
    if (returnExceptions) assert.equal(events.at(-1), 'gather ended')
  })
}

test('a task that waits for gather passes its cancellation on', async () => {
  await runVirtual(async () => {
    for (const kind of ['generator', 'async']) {
      const children = [createTask(after(1000, 1)), createTask(after(1000, 2))]
      const task = createTask(
        kind === 'generator'
          ? function* () {
              yield* gather(children)
            }
          : async () => {
              await gather(children)
            },
      )
      await sleep(1)
      task.cancel('outer')
      assert.equal(((await rejectionOf(task)) as CancelledError).reason, 'outer')
      assert.equal(task.cancelled(), true)
      for (const child of children) assert.equal(child.cancelled(), true, kind)
    }
  })
})

test('the same awaitable given twice runs once and gives its result twice', async () => {
  let runs = 0
  await runVirtual(function* () {
    function* once() {
      runs++
      return yield* after(1, 'once')
    }
    const coroutine = once()
    const task = createTask(after(2, 'task'))
    assert.deepEqual(yield* gather(coroutine, task, coroutine, task), [
      'once',
      'task',
      'once',
      'task',
    ])
  })
  assert.equal(runs, 1)
})

test('a function given twice is called twice', async () => {
  let calls = 0
  await runVirtual(function* () {
    const count = async () => ++calls
    assert.deepEqual(yield* gather(count, count), [1, 2])
  })
})

test('futures that are done already give their results', async () => {
  await runVirtual(function* () {
    const [one, two] = [new Future<number>(), new Future<number>()]
    one.setResult(1)
    two.setException(new Error('two'))
    assert.deepEqual(yield* gather(one, one), [1, 1])
    const all = gather(one, two)
    try {
      yield* all
      assert.fail('no error')
    } catch (error) {
      assert.equal(messageOf(error), 'two')
    }
  })
})

test('limit: no more than so many run at a time, in order, and all of them run', async () => {
  for (const limit of [1, 3, 10, 100]) {
    let running = 0
    let most = 0
    const started: number[] = []
    await runVirtual(function* () {
      const jobs = Array.from({ length: 20 }, (_, i) => async () => {
        started.push(i)
        most = Math.max(most, ++running)
        await sleep((i * 7) % 5)
        running--
        return i
      })
      const all = yield* gather(jobs, { limit })
      assert.deepEqual(
        all,
        jobs.map((_, i) => i),
      )
    })
    assert.equal(most, Math.min(limit, 20))
    assert.deepEqual(
      started,
      Array.from({ length: 20 }, (_, i) => i),
    )
  }
})

test('limit: after an error nothing more is started; with returnExceptions all run', async () => {
  for (const returnExceptions of [false, true]) {
    const started: number[] = []
    await runVirtual(async () => {
      const jobs = Array.from({ length: 6 }, (_, i) => async () => {
        started.push(i)
        await sleep(1)
        if (i === 1) throw new Error('job 1')
        return i
      })
      const all = gather(jobs, { limit: 2, returnExceptions })
      if (returnExceptions) assert.equal(messageOf((await all)[1]), 'job 1')
      else assert.equal(messageOf(await rejectionOf(all)), 'job 1')
      await sleep(20)
    })
    if (returnExceptions) assert.deepEqual(started, [0, 1, 2, 3, 4, 5])
    else assert.ok(started.length < 6, `started ${started}`)
  }
})

test('limit: cancelling starts no more and ends with those that run', async () => {
  const started: number[] = []
  await runVirtual(async () => {
    const jobs = Array.from({ length: 6 }, (_, i) => async () => {
      started.push(i)
      await sleep(100)
    })
    const all = gather(jobs, { limit: 2 })
    await sleep(1)
    all.cancel('enough')
    assert.ok((await rejectionOf(all)) instanceof CancelledError)
    await sleep(500)
  })
  assert.deepEqual(started, [0, 1])
})

test('limit: coroutines that end at once, and futures that are done, do not stop the rest', async () => {
  await runVirtual(function* () {
    const done = Array.from({ length: 5 }, (_, i) => {
      const future = new Future<number>()
      future.setResult(i)
      return future
    })
    assert.deepEqual(yield* gather(done, { limit: 1 }), [0, 1, 2, 3, 4])
    const quick = Array.from({ length: 2000 }, (_, i) => async () => i)
    assert.equal((yield* gather(quick, { limit: 2 })).length, 2000)
    const many = Array.from({ length: 20_000 }, () => done[0] as Future<number>)
    assert.equal((yield* gather(many, { limit: 1 })).length, 20_000)
  })
})

test('nothing is started when one argument is no coroutine, or an option is wrong', async () => {
  let ran = false
  await runVirtual(async () => {
    const job = async () => {
      ran = true
    }
    const bad = [
      // @ts-expect-error a number is no coroutine
      () => gather(job, 5),
      // @ts-expect-error null is no coroutine
      () => gather([job, null]),
      () => gather([job], { limit: 0 }),
      () => gather([job], { limit: 1.5 }),
      // @ts-expect-error a limit that is a string
      () => gather([job], { limit: '2' }),
      // @ts-expect-error options that are none
      () => gather([job], true),
    ]
    for (const act of bad) assert.throws(act, { code: /ERR_INVALID_ARG_TYPE|ERR_OUT_OF_RANGE/ })
    try {
      // @ts-expect-error a number is no coroutine
      gather(job, 5)
    } catch (error) {
      assert.match(String(messageOf(error)), /coros\[1\].*coroutine.*5/)
      assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE')
    }
    await sleep(1)
  })
  assert.equal(ran, false)
})

test('a hundred thousand tasks are gathered', async () => {
  await runVirtual(function* () {
    function* one(i: number): Generator<Future<unknown>, number, unknown> {
      yield* sleep(0)
      return i
    }
    const all = yield* gather(Array.from({ length: 100_000 }, (_, i) => one(i)))
    assert.equal(all.length, 100_000)
    assert.equal(all[99_999], 99_999)
  })
})

test('a cancellation that comes between two children of a limited gather lets no more begin', async () => {
  for (const returnExceptions of [false, true]) {
    await runVirtual(async () => {
      let begun = 0
      let all: Future<unknown> | undefined
      const log: unknown[] = []
      function* child(): Coroutine<void> {
        // It runs when this child is done and not counted, so that none is left that could be cancelled.
        if (++begun === 3) getRunningLoop().callSoon(() => log.push(task.cancel('enough')))
        yield* []
      }
      const task = createTask(function* () {
        all = gather(Array(10).fill(child), { limit: 1, returnExceptions })
        yield* all
      })
      const error = await rejectionOf(task)
      assert.ok(error instanceof CancelledError)
      assert.equal(error.reason, 'enough')
      assert.equal(error.origin, task)
      assert.equal(begun, 3)
      assert.deepEqual(log, [true])
      assert.ok(all?.done() && task.cancelled())
    })
  }
})

test('futures of different loops are refused before anything is started', async () => {
  const other = newEventLoop()
  const foreign = other.createFuture<void>()
  await runVirtual(async () => {
    let begun = 0
    function* child(): Coroutine<void> {
      begun++
    }
    const before = allTasks().size
    const own = getRunningLoop().createFuture<void>()
    const refusal = { code: 'ERR_INVALID_ARG_TYPE', message: /coros\[2\].*the same loop/ }
    assert.throws(() => gather(child(), own, foreign), refusal)
    assert.throws(() => gather([child, own, foreign], { limit: 1 }), refusal)
    assert.equal(allTasks().size, before)
    await sleep(1)
    assert.equal(begun, 0)
  })
  other.close()
})
