// Locks, queues and scopes used in ways that cannot work: the error that asyncio would give, as one of
// Gyre's, with a code, and a message that says what to do. What asyncio does stands behind each.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  type Coroutine,
  Event,
  Lock,
  newEventLoop,
  type Operation,
  Queue,
  Semaphore,
  sleep,
  type Timeout,
  taskGroup,
  timeout,
  wait,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, rejectionOf, thrownBy } from '../thrown.js'

/** What cannot work, the code of its error, and what the message must say. */
type Misuse = readonly [what: string, act: () => unknown, code: string, advice: RegExp]

const MISUSES: readonly Misuse[] = [
  // RuntimeError
  [
    'a lock is released that is free',
    () => new Lock().release(),
    'ERR_NOT_ACQUIRED',
    /acquire\(\)/,
  ],
  // RuntimeError
  ['a condition is released', () => new Condition().release(), 'ERR_NOT_ACQUIRED', /acquire\(\)/],
  // RuntimeError
  ['notify without the lock', () => new Condition().notify(), 'ERR_NOT_ACQUIRED', /acquire\(\)/],
  // RuntimeError
  ['notifyAll without it', () => new Condition().notifyAll(), 'ERR_NOT_ACQUIRED', /acquire\(\)/],
  // ValueError
  [
    'a bounded semaphore is released too often',
    () => new BoundedSemaphore(1).release(),
    'ERR_NOT_ACQUIRED',
    /each release\(\) needs an acquire\(\)/,
  ],
  // ValueError
  ['taskDone too often', () => new Queue().taskDone(), 'ERR_TASK_DONE', /once for each item/],
  // ValueError
  ['a barrier of 0', () => new Barrier(0), 'ERR_OUT_OF_RANGE', /parties.*>= 1/],
  // ValueError
  ['a negative semaphore', () => new Semaphore(-1), 'ERR_OUT_OF_RANGE', /value.*>= 0/],
  // TypeError when it is used
  ['a semaphore of text', () => new Semaphore('1' as never), 'ERR_INVALID_ARG_TYPE', /a number/],
  // found when it is used, or never
  ['a queue of half a place', () => new Queue(0.5), 'ERR_OUT_OF_RANGE', /whole number/],
  // ValueError
  ['waiting for nothing', () => wait([]), 'ERR_OUT_OF_RANGE', /at least one future/],
]

for (const [what, act, code, advice] of MISUSES) {
  test(`${what}: ${code}, and the message says what to do`, () => {
    const error = thrownBy(act)
    assert.equal(codeOf(error), code)
    assert.match((error as Error).message, advice)
  })
}

test('a queue of negative size has no limit, as in asyncio', () => {
  const queue = new Queue<number>(-1)
  for (let i = 0; i < 1000; i++) queue.putNowait(i)
  assert.equal(queue.full(), false)
  assert.equal(queue.qsize(), 1000)
})

test('waiting in a condition without its lock is an error that says so', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(new Condition().wait())
    assert.equal(codeOf(error), 'ERR_NOT_ACQUIRED')
    assert.match((error as Error).message, /acquire\(\)/)
  })
})

/** Something of each kind that waits. */
const WAITS: Readonly<Record<string, () => Operation<unknown>>> = {
  'Lock.acquire': () => new Lock().acquire(),
  'Lock.with': () => new Lock().with(function* () {}),
  'Event.wait': () => {
    const event = new Event()
    event.set()
    return event.wait()
  },
  'Condition.acquire': () => new Condition().acquire(),
  'Semaphore.acquire': () => new Semaphore(1).acquire(),
  'Barrier.wait': () => new Barrier(1).wait(),
  'Queue.put': () => new Queue().put(1),
  'Queue.get': () => {
    const queue = new Queue()
    queue.putNowait(1)
    queue.putNowait(2)
    return queue.get()
  },
  'Queue.join': () => new Queue().join(),
}

for (const [name, make] of Object.entries(WAITS)) {
  test(`${name} waited for a second time is an error in either kind of coroutine`, async () => {
    await runVirtual(function* (): Coroutine<void> {
      const operation = make()
      yield* operation
      assert.throws(() => operation[Symbol.iterator](), { code: 'ERR_OPERATION_REUSED' })
    })
    await runVirtual(async () => {
      const operation = make()
      await operation
      assert.equal(codeOf(await rejectionOf(operation)), 'ERR_OPERATION_REUSED')
    })
  })
}

/** Makes somebody wait for good, so that what is waited for is bound to the loop. */
const BOUND: Readonly<Record<string, () => () => Operation<unknown>>> = {
  Lock: () => {
    const lock = new Lock()
    void lock.acquire()[Symbol.iterator]().next()
    return () => lock.acquire()
  },
  Event: () => {
    const event = new Event()
    return () => event.wait()
  },
  Semaphore: () => {
    const semaphore = new Semaphore(0)
    return () => semaphore.acquire()
  },
  'Queue, getting': () => {
    const queue = new Queue()
    return () => queue.get()
  },
  'Queue, putting': () => {
    const queue = new Queue(1)
    queue.putNowait(1)
    return () => queue.put(2)
  },
}

for (const [name, make] of Object.entries(BOUND)) {
  test(`${name}: tasks of another loop than the first that waited are refused`, async () => {
    const waitFor = make()
    const waiting = await runVirtual(async () => codeOf(await rejectionOf(timeout(1, waitFor))))
    assert.equal(waiting, 'ERR_TIMEOUT')
    const loop = newEventLoop()
    const error = await rejectionOf(loop.runUntilComplete(waitFor))
    assert.equal(codeOf(error), 'ERR_WRONG_LOOP')
    assert.match((error as Error).message, /bound to a different event loop/)
    loop.close()
  })
}

test('a timeout or a group that is waited for twice, or outside of a task, is an error', async () => {
  const body = async (): Promise<void> => {}
  for (const make of [() => timeout(5, body), () => taskGroup(body)]) {
    await runVirtual(async () => {
      const operation = make()
      await operation
      assert.equal(codeOf(await rejectionOf(operation)), 'ERR_OPERATION_REUSED')
    })
    assert.equal(codeOf(await rejectionOf(make())), 'ERR_OUTSIDE_TASK')
  }
})

test('a timeout whose body is over cannot be used again', async () => {
  await runVirtual(async () => {
    const kept: Timeout[] = []
    await timeout(5, async (deadline) => {
      kept.push(deadline)
      await sleep(1)
    })
    assert.throws(() => kept[0]?.reschedule(10), { code: 'ERR_TIMEOUT_STATE' })
  })
})
