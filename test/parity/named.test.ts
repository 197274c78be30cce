// The differences that random programs have shown between Gyre and CPython's asyncio, each reduced to the
// few lines that matter. What is asserted is what CPython 3.13 does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  currentTask,
  type EventLoop,
  type Future,
  gather,
  getRunningLoop,
  isCancelled,
  KeyboardInterrupt,
  Lock,
  run,
  sleep,
  Task,
  TimeoutError,
  taskGroup,
  timeout,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

type Coroutine<T> = Generator<Future<unknown>, T, unknown>

/** The reason of the CancelledError that `future` throws. */
function reasonOf(future: Future<unknown>): unknown {
  try {
    future.result()
  } catch (error) {
    assert.ok(error instanceof CancelledError)
    return error.reason
  }
  throw new Error('the future was not cancelled')
}

function* swallowCancellation(): Coroutine<void> {
  try {
    yield* sleep(1000)
  } catch (error) {
    if (!isCancelled(error)) throw error
  }
}

test('a virtual clock jumps on after its loop has handed back to Node', async () => {
  const end = await runVirtual(function* () {
    const loop = getRunningLoop()
    for (let i = 0; i < 200; i++) {
      yield* sleep(1000)
      // Longer than a visit may last in all.
      const busyUntil = performance.now() + 0.1
      while (performance.now() < busyUntil);
    }
    return loop.time()
  })
  assert.equal(end, 200_000)
})

test('a timer of no delay fires in the next turn, however much else is ready', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    getRunningLoop().callLater(0, () => events.push('timer'))
    createTask(function* () {
      events.push('first')
      yield* sleep(0)
      events.push('second')
    })
    yield* sleep(1)
  })
  assert.deepEqual(events, ['first', 'timer', 'second'])
})

test('who looks first at a cancelled task gets its error, later ones get no reason', async () => {
  const reasons = await runVirtual(function* () {
    const task = createTask(() => sleep(1000))
    yield* sleep(0)
    task.cancel('why')
    yield* gather([task], { returnExceptions: true })
    return [reasonOf(task), reasonOf(task)]
  })
  assert.deepEqual(reasons, ['why', undefined])
})

test('a cancelled gather cancels a child as often as it was given', async () => {
  const requests = await runVirtual(function* () {
    const child = createTask(() => sleep(1000))
    const both = gather([child, child], { returnExceptions: true })
    yield* sleep(0)
    both.cancel()
    yield* gather([both], { returnExceptions: true })
    return child.cancelling()
  })
  assert.equal(requests, 2)
})

test('a cancelled gather ends with the error of its last argument', async () => {
  function* cleanUpFor(ms: number, reason: string): Coroutine<void> {
    try {
      yield* sleep(1000)
    } catch {
      yield* sleep(ms)
      throw new CancelledError(reason)
    }
  }
  const error = await runVirtual(function* () {
    const both = gather([cleanUpFor(5, 'slow'), cleanUpFor(1, 'quick')], { returnExceptions: true })
    yield* sleep(0)
    both.cancel()
    const [outcome] = yield* gather([both], { returnExceptions: true })
    return outcome
  })
  assert.ok(error instanceof CancelledError)
  assert.equal(error.reason, 'quick')
})

test('a gather is not cancelled with a reason that its last argument swallowed', async () => {
  const error = await runVirtual(function* () {
    const all = gather([swallowCancellation()], { returnExceptions: true })
    yield* sleep(0)
    all.cancel('why')
    const [outcome] = yield* gather([all], { returnExceptions: true })
    return outcome
  })
  assert.ok(error instanceof CancelledError)
  assert.equal(error.reason, undefined)
})

test('KeyboardInterrupt in the first step of an eager task comes out of createTask', async () => {
  let wentOn = false
  const running = runVirtual(function* () {
    createTask(
      function* () {
        throw new KeyboardInterrupt()
      },
      { eagerStart: true },
    )
    wentOn = true
    yield* sleep(0)
  })
  await assert.rejects(running, KeyboardInterrupt)
  assert.equal(wentOn, false)
})

test('a shutdown cancels tasks in the order of their making, those of a gather too', async () => {
  const events: string[] = []
  function* waitLong(name: string): Coroutine<void> {
    try {
      yield* sleep(1000)
    } finally {
      events.push(name)
    }
  }
  await runVirtual(function* () {
    gather([waitLong('gathered')])
    createTask(waitLong('created'))
    yield* sleep(1)
  })
  assert.deepEqual(events, ['gathered', 'created'])
})

test('a loop closes while the children of a gather have not had their first step', async () => {
  let loop: EventLoop | undefined
  const running = run(function* () {
    loop = getRunningLoop()
    yield* sleep(0)
    gather([sleep(0), swallowCancellation()])
    throw new KeyboardInterrupt()
  })
  await assert.rejects(running, KeyboardInterrupt)
  assert.equal(loop?.isClosed(), true)
})

test('a virtual clock waits for async functions that go on while a run begins', async () => {
  const times: number[] = []
  await runVirtual(async () => {
    const loop = getRunningLoop()
    loop.callLater(4, () => {})
    createTask(async () => {
      for (let i = 0; i < 5; i++) await Promise.resolve()
      times.push(loop.time())
    })
  })
  assert.deepEqual(times, [0])
})

test('an async function that awaits its own task hears of its cancellation first', async () => {
  const running = runVirtual(async () => {
    const task = currentTask()
    task?.cancel()
    await task
  })
  await assert.rejects(running, CancelledError)
})

test('an async function that never waits is in time for any deadline', async () => {
  const results = await runVirtual(async () => [
    await timeout(0, async () => 'in timeout'),
    await waitFor(async () => 'in waitFor', 0.001),
  ])
  assert.deepEqual(results, ['in timeout', 'in waitFor'])
})

test('a future that an eager child completes counts in a gather where it stands first', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const loop = getRunningLoop()
    loop.setTaskFactory(
      (own, coro, options) => new Task(coro, { ...options, eagerStart: true }, own),
    )
    const future = loop.createFuture()
    function* fail(): Coroutine<void> {
      future.setException(new Error('failed'))
      loop.callSoon(() => events.push('a turn'))
    }
    future.addDoneCallback(() => events.push('done callback'))
    const all = gather([future, fail(), future])
    events.push(all.done() ? 'done at once' : 'pending')
    const [error] = yield* gather([all], { returnExceptions: true })
    events.push((error as Error).message)
  })
  assert.deepEqual(events, ['pending', 'done callback', 'a turn', 'failed'])
})

const returningAfterCancel = {
  'an async function': async () => {
    currentTask()?.cancel('mine')
    return 'returned'
  },
  'an async function that had waited': async () => {
    await sleep(1)
    currentTask()?.cancel('mine')
    return 'returned'
  },
  'a generator function': function* (): Coroutine<string> {
    currentTask()?.cancel('mine')
    return 'returned'
  },
}

for (const [kind, body] of Object.entries(returningAfterCancel)) {
  test(`a body that cancels its own task and returns has returned: ${kind}`, async () => {
    const results = await runVirtual(async () => {
      const outcomes: unknown[] = []
      for (const within of [
        () => timeout(1000, body),
        () => taskGroup(body),
        () => waitFor(body, 1000),
        () => new Lock().with(body),
        () => timeout(1000, () => taskGroup(() => waitFor(body, 1000))),
      ]) {
        const task = createTask(async () => {
          outcomes.push(await within())
          await sleep(0)
        })
        const error = await rejectionOf(task)
        outcomes.push(error instanceof CancelledError && error.reason)
      }
      return outcomes
    })
    assert.deepEqual(results, Array(5).fill(['returned', 'mine']).flat())
  })
}

test('a timeout that passes while its body awaits a foreign promise is told of at the end', async () => {
  const isTimeout = await run(async () => {
    try {
      await timeout(5, async () => {
        await new Promise((resolve) => setTimeout(resolve, 30))
        return 'too late'
      })
      return false
    } catch (error) {
      return error instanceof TimeoutError
    }
  })
  assert.equal(isTimeout, true)
})

test('an operation that is refused to wait for its own task is cancelled like any other', async () => {
  const error = await runVirtual(async () => {
    const task: Task<unknown> = createTask(async () => await waitFor(currentTask()!, 1000))
    const canceller = createTask(function* () {
      task.cancel('why')
    })
    await canceller
    return await rejectionOf(task)
  })
  assert.ok(error instanceof CancelledError)
  assert.equal(error.reason, 'why')
})

for (const [kind, around] of [
  ['timeout', (body: () => Promise<string>) => timeout(1000, body)],
  ['waitFor', (body: () => Promise<string>) => waitFor(body, 1000)],
  ['taskGroup', (body: () => Promise<string>) => taskGroup(body)],
  ['with', (body: () => Promise<string>) => new Lock().with(body)],
] as const) {
  test(`a cancellation finds the first sleep(0) of an async body in a generator: ${kind}`, async () => {
    let heard = 'nothing'
    const cancelled = function* () {
      currentTask()?.cancel('first')
      yield* around(async () => {
        try {
          await sleep(0)
        } catch (error) {
          heard = (error as CancelledError).reason as string
        }
        return heard
      })
    }
    await runVirtual(function* () {
      yield* createTask(cancelled)
    })
    assert.equal(heard, 'first')
  })
}
