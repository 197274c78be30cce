// Task: steps of both kinds of coroutine, names, results and errors, and what is asked of a task.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  createTask,
  currentTask,
  ensureFuture,
  Future,
  getRunningLoop,
  isFuture,
  KeyboardInterrupt,
  newEventLoop,
  RuntimeError,
  run,
  SystemExit,
  sleep,
  Task,
  timeout,
  wrap,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

test('a generator task starts in the next turn, steps in FIFO order, and gives its result', async () => {
  const events: string[] = []
  function* worker(name: string) {
    events.push(`${name} starts`)
    yield* sleep(0)
    events.push(`${name} goes on`)
    return name.toUpperCase()
  }
  await runVirtual(function* () {
    const a = createTask(worker('a'))
    const b = createTask(worker('b'))
    events.push('created')
    assert.equal(yield* a, 'A')
    assert.equal(yield* b, 'B')
  })
  assert.deepEqual(events, ['created', 'a starts', 'b starts', 'a goes on', 'b goes on'])
})

test('everything that is a coroutine can be a task', async () => {
  await runVirtual(function* () {
    const done = new Future<number>()
    done.setResult(3)
    function* generator() {
      return 3
    }
    const three = async () => 3
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const thenable = { then: (resolve: (n: number) => void) => resolve(3) }
    const tasks = [
      createTask(generator()),
      createTask(generator),
      createTask(three()),
      createTask(three),
      createTask(() => three()),
      createTask(() => generator()),
      createTask(done),
      createTask(thenable as PromiseLike<number>),
      createTask(timeout(5, three)),
      createTask(() => sleep(1, 3)),
    ]
    for (const task of tasks) assert.equal(yield* task, 3)
  })
})

test('a function is called when its task takes its first step', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const task = createTask(async () => {
      events.push('called')
    })
    events.push('created')
    yield* task
  })
  assert.deepEqual(events, ['created', 'called'])
})

test('what a coroutine throws is the exception of its task', async () => {
  const failure = new Error('no')
  await runVirtual(async () => {
    const tasks = [
      createTask(function* () {
        throw failure
      }),
      createTask(async () => {
        throw failure
      }),
      createTask((): Promise<void> => {
        throw failure
      }),
      createTask(Promise.reject(failure)),
    ]
    for (const task of tasks) {
      assert.equal(await rejectionOf(task), failure)
      assert.equal(task.exception(), failure)
      assert.equal(task.cancelled(), false)
    }
  })
})

test('a promise that is rejected before its task takes a step is no unhandled rejection', async () => {
  const unhandled: unknown[] = []
  const listener = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', listener)
  const failure = new Error('early')
  const loop = newEventLoop()
  try {
    const task = loop.createTask(Promise.reject(failure))
    await new Promise((resolve) => setTimeout(resolve, 1))
    assert.equal(await rejectionOf(loop.runUntilComplete(task)), failure)
  } finally {
    loop.close()
    process.removeListener('unhandledRejection', listener)
  }
  assert.deepEqual(unhandled, [])
})

test('a bare yield gives way once, as in asyncio', async () => {
  const events: string[] = []
  function* worker(name: string): Generator<Future<unknown>, void, unknown> {
    for (let i = 0; i < 2; i++) {
      events.push(`${name}${i}`)
      yield undefined as unknown as Future<unknown>
    }
  }
  await runVirtual(function* () {
    const tasks = [createTask(worker('a')), createTask(worker('b'))]
    for (const task of tasks) yield* task
  })
  assert.deepEqual(events, ['a0', 'b0', 'a1', 'b1'])
})

test('sleep(0) and sleep(-1) give way exactly once', async () => {
  for (const ms of [0, -1, -Infinity]) {
    const events: string[] = []
    await runVirtual(function* () {
      const loop = getRunningLoop()
      loop.callSoon(() => {
        events.push('first turn')
        loop.callSoon(() => events.push('second turn'))
      })
      yield* sleep(ms)
      events.push('slept')
      yield* sleep(ms)
      events.push('slept again')
    })
    assert.deepEqual(events, ['first turn', 'slept', 'second turn', 'slept again'])
  }
})

test('tasks are named, counted and renamed', async () => {
  await runVirtual(async () => {
    const [first, second] = [createTask(async () => {}), createTask(async () => {})]
    const numbers = [first, second].map((task) => Number(/^Task-(\d+)$/.exec(task.getName())?.[1]))
    assert.equal(numbers[1], (numbers[0] as number) + 1)
    const named = createTask(async () => {}, { name: 'crawler' })
    assert.equal(named.getName(), 'crawler')
    named.setName('indexer')
    assert.equal(named.getName(), 'indexer')
    await Promise.all([first, second, named])
  })
})

test('getCoro gives back what was given', async () => {
  await runVirtual(async () => {
    const body = async () => {}
    const generator = (function* () {})()
    const [one, two] = [createTask(body), createTask(generator)]
    assert.equal(one.getCoro(), body)
    assert.equal(two.getCoro(), generator)
    await Promise.all([one, two])
  })
})

test('currentTask is the task that runs, behind every await and yield*', async () => {
  await runVirtual(async () => {
    const main = currentTask()
    assert.ok(main instanceof Task)
    const nested = async () => {
      await sleep(1)
      return currentTask()?.getName()
    }
    const asynchronous: Task<unknown> = createTask(async () => {
      assert.equal(currentTask(), asynchronous)
      await sleep(0)
      assert.equal(currentTask(), asynchronous)
      assert.equal(await nested(), asynchronous.getName())
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(currentTask(), asynchronous)
    })
    const generator: Task<unknown> = createTask(function* () {
      assert.equal(currentTask(), generator)
      yield* sleep(1)
      assert.equal(currentTask(), generator)
    })
    await asynchronous
    await generator
    assert.equal(currentTask(), main)
  })
})

test('currentTask is null in callbacks, outside of run, and after the task', async () => {
  const seen: unknown[] = []
  await runVirtual(async () => {
    const loop = getRunningLoop()
    loop.callSoon(() => seen.push(currentTask()))
    loop.callLater(1, () => seen.push(currentTask()))
    const future = loop.createFuture<void>()
    future.addDoneCallback(() => seen.push(currentTask()))
    future.setResult()
    await sleep(5)
  })
  seen.push(currentTask())
  assert.deepEqual(seen, [null, null, null, null])
})

test('allTasks are the tasks that are not done', async () => {
  await runVirtual(function* () {
    const main = currentTask()
    const sleeper = createTask(() => sleep(5))
    assert.deepEqual(allTasks(), new Set([main, sleeper]))
    assert.deepEqual(allTasks(getRunningLoop()), new Set([main, sleeper]))
    yield* sleeper
    assert.deepEqual(allTasks(), new Set([main]))
  })
  const idle = newEventLoop()
  assert.deepEqual(allTasks(idle), new Set())
  idle.close()
})

test('a task takes no result and no exception from outside', async () => {
  await runVirtual(async () => {
    const task = createTask(async () => 1)
    assert.throws(() => task.setResult(2), { code: 'ERR_TASK_RESULT' })
    assert.throws(() => task.setException(new Error('x')), RuntimeError)
    assert.equal(await task, 1)
  })
})

test('ensureFuture keeps futures, wraps promises and makes tasks of the rest', async () => {
  await runVirtual(async () => {
    const future = new Future<number>()
    assert.equal(ensureFuture(future), future)
    const wrapped = ensureFuture(Promise.resolve(3))
    assert.ok(isFuture(wrapped) && !(wrapped instanceof Task))
    const task = ensureFuture(async () => 4)
    assert.ok(task instanceof Task)
    assert.equal(await wrapped, 3)
    assert.equal(await task, 4)
    // @ts-expect-error what is not a coroutine
    assert.throws(() => ensureFuture(7), { code: 'ERR_INVALID_ARG_TYPE' })
    const other = newEventLoop()
    assert.throws(() => ensureFuture(future, { loop: other }), { code: 'ERR_INVALID_ARG_TYPE' })
    other.close()
  })
})

test('wrap follows a promise, and cancelling it abandons the promise', async () => {
  await run(async () => {
    assert.equal(await wrap(Promise.resolve(5)), 5)
    const failure = new Error('no')
    assert.equal(await rejectionOf(wrap(Promise.reject(failure))), failure)
    let resolve = (_n: number) => {}
    const promise = new Promise<number>((settle) => {
      resolve = settle
    })
    const wrapped = wrap(promise)
    wrapped.cancel()
    resolve(1)
    assert.equal(await promise, 1)
    assert.equal(wrapped.cancelled(), true)
    // @ts-expect-error what is not a promise
    assert.throws(() => wrap(5), { code: 'ERR_INVALID_ARG_TYPE' })
    const future = new Future<number>()
    assert.equal(wrap(future), future)
  })
})

for (const LoopEnd of [KeyboardInterrupt, SystemExit]) {
  test(`a task that throws ${LoopEnd.name} ends the run with it`, async () => {
    const end = new LoopEnd()
    const events: string[] = []
    const error = await rejectionOf(
      runVirtual(function* () {
        createTask(function* () {
          yield* sleep(5)
          throw end
        })
        try {
          yield* sleep(1000)
          events.push('main went on')
        } finally {
          events.push('cleaned up')
        }
      }),
    )
    assert.equal(error, end)
    assert.deepEqual(events, ['cleaned up'])
  })
}

test('an error in a task disturbs no other task', async () => {
  await runVirtual(async () => {
    const bad = createTask(async () => {
      await sleep(1)
      throw new Error('bad')
    })
    const good = createTask(async () => {
      await sleep(5)
      return 'good'
    })
    assert.equal(messageOf(await rejectionOf(bad)), 'bad')
    assert.equal(await good, 'good')
  })
})

test('a task of a closed loop is refused', async () => {
  const loop = newEventLoop()
  loop.close()
  let ran = false
  const body = async () => {
    ran = true
  }
  assert.throws(() => loop.createTask(body), { code: 'ERR_EVENT_LOOP_CLOSED' })
  assert.equal(codeOf(await rejectionOf(loop.runUntilComplete(body))), 'ERR_EVENT_LOOP_CLOSED')
  assert.equal(ran, false)
})
