// Async generators that nobody finishes: `asyncGenerator` makes them known to the loop, which runs their
// `finally` when they are collected or when it shuts down.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asyncGenerator,
  createTask,
  currentTask,
  type ExceptionContext,
  getRunningLoop,
  newEventLoop,
  Runner,
  run,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

const collect = (globalThis as { gc?: () => void }).gc

/** Counts up; says when it ends, after waiting as a clean-up may. */
const counting = (events: string[], name = 'counting') =>
  asyncGenerator(async function* count(from: number) {
    try {
      for (let i = from; ; i++) {
        await sleep(1)
        yield i
      }
    } finally {
      await sleep(5)
      events.push(`${name} ended at ${getRunningLoop().time()}`)
    }
  })

test('a generator that is iterated to its end or left by break is as any other', async () => {
  const events: string[] = []
  const seen: number[] = []
  const upTo = asyncGenerator(async function* (end: number) {
    for (let i = 0; i < end; i++) yield i
    return 'over'
  })
  await runVirtual(async () => {
    for await (const i of upTo(3)) seen.push(i)
    for await (const i of counting(events)(10)) {
      seen.push(i)
      if (i === 11) break
    }
    events.push('left')
    const generator = upTo(1)
    assert.deepEqual(await generator.next(), { value: 0, done: false })
    assert.deepEqual(await generator.next(), { value: 'over', done: true })
    assert.deepEqual(await generator.next(), { value: undefined, done: true })
  })
  assert.deepEqual(seen, [0, 1, 2, 10, 11])
  assert.deepEqual(events, ['counting ended at 7', 'left'])
})

test('values, errors and this go in and out as they do without the wrapper', async () => {
  class Source {
    readonly factor = 2
    double = asyncGenerator(async function* (this: Source, start: number) {
      let given: number = start
      try {
        for (;;) given = yield given * this.factor
      } catch (error) {
        yield error as number
      }
      return 'caught'
    })
  }
  await run(async () => {
    const generator = new Source().double(1)
    assert.deepEqual(await generator.next(0), { value: 2, done: false })
    assert.deepEqual(await generator.next(21), { value: 42, done: false })
    const failure = new Error('thrown in')
    assert.deepEqual(await generator.throw(failure), { value: failure, done: false })
    assert.deepEqual(await generator.next(0), { value: 'caught', done: true })
    assert.equal(generator[Symbol.asyncIterator](), generator)
    assert.equal(Object.prototype.toString.call(generator), '[object AsyncGenerator]')
    const failing = asyncGenerator(async function* failing() {
      yield 1
      throw failure
    })
    assert.equal(failing.name, 'failing')
    const steps = failing()
    await steps.next()
    assert.equal(await rejectionOf(steps.next()), failure)
    assert.deepEqual(await steps.return(undefined as never), { value: undefined, done: true })
  })
})

test('the finally of an abandoned generator runs at the end of run, and may wait', async () => {
  const events: string[] = []
  const held: unknown[] = []
  await runVirtual(async () => {
    for (const name of ['a', 'b']) {
      const generator = counting(events, name)(0)
      held.push(generator)
      await generator.next()
    }
    const task = createTask(async () => {
      const generator = counting(events, 'of a task')(0)
      held.push(generator)
      await generator.next()
      await sleep(1000)
    })
    await sleep(10)
    assert.equal(task.done(), false)
    events.push('main ended')
  })
  assert.deepEqual(events, [
    'main ended',
    'a ended at 17',
    'b ended at 17',
    'of a task ended at 17',
  ])
})

test('tasks are cancelled before generators are closed; a cancelled for await closes its own', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    createTask(async () => {
      try {
        for await (const _ of counting(events)(0)) await sleep(1000)
      } finally {
        events.push('task ended')
      }
    })
    const held = counting(events, 'held')(0)
    await held.next()
    await sleep(10)
  })
  assert.deepEqual(events, ['counting ended at 16', 'task ended', 'held ended at 21'])
})

test('a generator that never began has nothing to end', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const generator = counting(events)(0)
    assert.deepEqual(await generator.return('early' as never), { value: 'early', done: true })
    counting(events)(0)
  })
  assert.deepEqual(events, [])
})

test('loop.shutdownAsyncGens() closes what is open now, inside a task of its own', async () => {
  const tasks: unknown[] = []
  await run(function* () {
    const open = asyncGenerator(async function* () {
      try {
        yield 1
      } finally {
        await sleep(1)
        tasks.push(currentTask())
      }
    })()
    yield* createTask(async () => void (await open.next()))
    yield* getRunningLoop().shutdownAsyncGens()
    assert.equal(tasks.length, 1)
    assert.ok(tasks[0] !== null && tasks[0] !== currentTask())
    assert.deepEqual(yield* createTask(() => open.next()), { value: undefined, done: true })
    yield* getRunningLoop().shutdownAsyncGens()
  })
  assert.equal(tasks.length, 1)
})

test('what fails while it is closed is reported, and the others are closed all the same', async () => {
  const reports: ExceptionContext[] = []
  const events: string[] = []
  const failure = new Error('in finally')
  const open: AsyncGenerator[] = []
  await runVirtual(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
    const failing = asyncGenerator(async function* failing() {
      try {
        yield 1
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: an error while cleaning up
        throw failure
      }
    })
    const stubborn = asyncGenerator(async function* stubborn() {
      try {
        yield 1
      } finally {
        yield 2
      }
    })
    const foreign = asyncGenerator(async function* foreign() {
      yield await new Promise(() => {})
    })
    open.push(failing(), stubborn(), counting(events)(0))
    for (const generator of open) await generator.next()
    const running = foreign()
    open.push(running)
    void running.next()
  })
  const message = 'an error occurred during closing of asynchronous generator'
  assert.deepEqual(
    reports.map((report) => report.message),
    [`${message} failing()`, `${message} stubborn()`, `${message} foreign()`],
  )
  assert.equal(reports[0]?.exception, failure)
  assert.equal(codeOf(reports[1]?.exception), 'ERR_GENERATOR_NOT_CLOSED')
  assert.equal(codeOf(reports[2]?.exception), 'ERR_GENERATOR_RUNNING')
  assert.deepEqual(events, ['counting ended at 6'])
})

test('a finally that waits for ever does not keep run from ending', async () => {
  const messages: string[] = []
  const held: unknown[] = []
  const result = await runVirtual(async () => {
    getRunningLoop().setExceptionHandler((_loop, { message }) => messages.push(message))
    const endless = asyncGenerator(async function* () {
      try {
        yield 1
      } finally {
        await getRunningLoop().createFuture()
      }
    })()
    held.push(endless)
    await endless.next()
    return 'result'
  })
  assert.equal(result, 'result')
  assert.ok(messages.length > 0)
  assert.ok(messages.every((message) => message === 'Task was destroyed but it is pending!'))
})

test('a generator that nobody holds any more is closed when it is collected', async () => {
  assert.ok(collect !== undefined, 'run with --expose-gc, as npm test does')
  const gc = collect
  await run(async () => {
    let hasEnded = false
    const begin = async () => {
      const generator = asyncGenerator(async function* () {
        try {
          yield 1
        } finally {
          await sleep(1)
          hasEnded = true
        }
      })()
      await generator.next()
    }
    await begin()
    for (let i = 0; i < 500 && !hasEnded; i++) {
      gc()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    assert.equal(hasEnded, true)
  })
})

test('a generator that is collected behind its loop’s end is left alone', async () => {
  assert.ok(collect !== undefined, 'run with --expose-gc, as npm test does')
  const loop = newEventLoop()
  const begin = async () => {
    const generator = asyncGenerator(async function* () {
      yield 1
    })()
    await generator.next()
    return new WeakRef(generator)
  }
  const weak = await loop.runUntilComplete(begin)
  loop.close()
  let isCollected = false
  for (let i = 0; i < 500 && !isCollected; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    // A reference that was looked at lives until the job ends: so collect first.
    collect()
    isCollected = weak.deref() === undefined
  }
  assert.equal(isCollected, true)
})

test('a generator that begins after the shutdown is warned of', async () => {
  const codes: unknown[] = []
  const listener = (warning: Error) => codes.push([codeOf(warning), messageOf(warning)])
  process.on('warning', listener)
  await run(async () => {
    await getRunningLoop().shutdownAsyncGens()
    const late = asyncGenerator(async function* late() {
      yield 1
    })
    for await (const _ of late());
    await new Promise((resolve) => setImmediate(resolve))
  })
  process.removeListener('warning', listener)
  assert.equal(codes.length, 1)
  assert.match(String(codes[0]), /^GYRE_LATE_GENERATOR,asynchronous generator late\(\) began after/)
})

test('a Runner closes generators when it is closed, not between its runs', async () => {
  const events: string[] = []
  const runner = new Runner({ loopFactory: () => newEventLoop({ clock: 'virtual' }) })
  const generator = counting(events)(0)
  assert.equal((await runner.run(() => generator.next())).value, 0)
  assert.equal((await runner.run(() => generator.next())).value, 1)
  assert.deepEqual(events, [])
  await runner.close()
  assert.deepEqual(events, ['counting ended at 7'])
})

test('await using ends a generator, and what is no function is a TypeError', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const generator = counting(events)(0)
    await generator.next()
    await (generator as unknown as AsyncDisposable)[Symbol.asyncDispose]()
    events.push('disposed')
  })
  assert.deepEqual(events, ['counting ended at 6', 'disposed'])
  assert.throws(() => asyncGenerator(5 as never), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('a function that gives no async generator is refused when it is called', () => {
  const others = [() => 5, () => null, function* () {}, async () => {}, () => ({ next() {} })]
  for (const fn of others) {
    // @ts-expect-error no async generator function
    const wrapped = asyncGenerator(fn) as () => unknown
    assert.throws(() => wrapped(), { code: 'ERR_INVALID_ARG_TYPE', message: /an async generator/ })
  }
})
