// One generator given to two tasks: the second fails and says why, whatever the first is waiting for, and
// the first runs on unharmed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Barrier,
  Condition,
  type Coroutine,
  createTask,
  Event as GyreEvent,
  gather,
  getRunningLoop,
  Lock,
  Queue,
  RuntimeError,
  run,
  Semaphore,
  StreamReader,
  sleep,
  Task,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

/** Things to wait for that end within a few milliseconds. */
const waits: Readonly<Record<string, () => Coroutine<unknown>>> = {
  *'a future'() {
    const future = getRunningLoop().createFuture<void>()
    getRunningLoop().callLater(1, () => future.setResult(undefined))
    yield* future
  },
  *sleep() {
    yield* sleep(2)
  },
  *'sleep(0)'() {
    yield* sleep(0)
  },
  *'another task'() {
    yield* createTask(() => sleep(1))
  },
  *'a coroutine of its own'() {
    yield* waits.sleep!()
  },
  *gather() {
    yield* gather([sleep(1), waits.sleep!()])
  },
  *wait() {
    yield* wait([sleep(1)])
  },
  *waitFor() {
    yield* waitFor(sleep(1), 10)
  },
  *'a timeout around an async body'() {
    yield* timeout(10, async () => await sleep(1))
  },
  *'a group'() {
    yield* taskGroup(function* (group) {
      group.createTask(sleep(1))
    })
  },
  *'a lock'() {
    const lock = new Lock()
    yield* lock.acquire()
    getRunningLoop().callLater(1, () => lock.release())
    yield* lock.acquire()
  },
  *'a semaphore'() {
    const semaphore = new Semaphore(0)
    getRunningLoop().callLater(1, () => semaphore.release())
    yield* semaphore.acquire()
  },
  *'an event'() {
    const event = new GyreEvent()
    getRunningLoop().callLater(1, () => event.set())
    yield* event.wait()
  },
  *'a condition'() {
    const condition = new Condition()
    yield* condition.acquire()
    createTask(function* () {
      yield* condition.with(function* () {
        condition.notify()
        yield* sleep(1)
      })
    })
    yield* condition.wait()
  },
  *'a barrier'() {
    const barrier = new Barrier(2)
    createTask(() => barrier.wait())
    yield* barrier.wait()
  },
  *'a queue that is empty'() {
    const queue = new Queue<number>()
    getRunningLoop().callLater(1, () => queue.putNowait(1))
    yield* queue.get()
  },
  *'a queue that is full'() {
    const queue = new Queue<number>(1)
    queue.putNowait(1)
    getRunningLoop().callLater(1, () => queue.getNowait())
    yield* queue.put(2)
  },
  *'a stream'() {
    const reader = new StreamReader()
    getRunningLoop().callLater(1, () => reader.feedData(Buffer.from('data')))
    yield* reader.read(4)
  },
}

function* workFor(what: string): Coroutine<string> {
  yield* waits[what]!()
  yield* sleep(1)
  return what
}

const secondUses: Readonly<Record<string, (work: Coroutine<string>) => PromiseLike<unknown>>> = {
  createTask: (work) => createTask(work),
  'a function': (work) => createTask(() => work),
  gather: (work) => gather([work]),
  'an eager task': (work) => createTask(work, { eagerStart: true }),
}

for (const what of Object.keys(waits)) {
  test(`a generator that waits for ${what} is not run by a second task`, async () => {
    for (const use of Object.values(secondUses)) {
      const result = await runVirtual(async () => {
        const work = workFor(what)
        const first = createTask(work)
        const early = createTask(work)
        const late = (async () => {
          await sleep(0)
          return await rejectionOf(use(work))
        })()
        for (const error of [await rejectionOf(early), await late]) {
          assert.ok(error instanceof RuntimeError)
          assert.equal(error.code, 'ERR_COROUTINE_IN_USE')
        }
        return await first
      })
      assert.equal(result, what)
    }
  })
}

test('what a task is given that is no generator may be waited for by many', async () => {
  const results = await run(async () => {
    const future = getRunningLoop().createFuture<number>()
    const tasks = [createTask(future as never), createTask(() => future), new Task(() => future)]
    await sleep(0)
    tasks.push(createTask(() => future))
    future.setResult(7)
    return await gather(tasks)
  })
  assert.deepEqual(results, [7, 7, 7, 7])
})

test('a second task that is refused leaves what it was given to be cancelled by the first', async () => {
  let cleanedUp = 0
  function* work(): Coroutine<void> {
    try {
      yield* sleep(1000)
    } finally {
      cleanedUp++
    }
  }
  await runVirtual(async () => {
    const generator = work()
    const first = createTask(generator)
    const second = createTask(generator)
    await rejectionOf(second)
    assert.equal(cleanedUp, 0)
    first.cancel()
    await rejectionOf(first)
    assert.equal(cleanedUp, 1)
  })
})
