// Event, Condition, Semaphore and Barrier. Their order of events is compared with CPython's in
// test/parity; here stands what is Gyre's own, what is misuse, and each semantics line once.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  CancelledError,
  Condition,
  type Coroutine,
  createTask,
  Event,
  gather,
  Lock,
  Semaphore,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, rejectionOf } from '../thrown.js'

test('an event that is set and cleared at once still wakes those who waited', async () => {
  await runVirtual(function* () {
    const event = new Event()
    const waiting = [createTask(event.wait()), createTask(() => event.wait())]
    yield* sleep(0)
    event.set()
    event.clear()
    assert.deepEqual(yield* gather(waiting), [true, true])
    assert.equal(event.isSet(), false)
  })
})

test('a cancelled wait of a condition takes the lock back first', async () => {
  await runVirtual(function* () {
    const condition = new Condition()
    const seen: boolean[] = []
    const task = createTask(function* () {
      const guard = yield* condition.acquire()
      try {
        yield* condition.wait()
      } finally {
        seen.push(condition.locked())
        guard.release()
      }
    })
    yield* sleep(1)
    assert.equal(condition.locked(), false)
    task.cancel()
    yield* gather([task], { returnExceptions: true })
    assert.deepEqual(seen, [true])
    assert.equal(condition.locked(), false)
  })
})

test('conditions can share a lock; waitFor gives what its predicate gave', async () => {
  await runVirtual(async () => {
    const lock = new Lock()
    const [full, other] = [new Condition(lock), new Condition(lock)]
    let count = 0
    const task = createTask(() => full.with(() => full.waitFor(() => count && `count ${count}`)))
    await sleep(1)
    await other.with(async () => {
      count = 2
      other.notifyAll()
      full.notify()
    })
    assert.equal(await task, 'count 2')
  })
})

test('a semaphore is locked while a waiter owns its place', async () => {
  await runVirtual(function* () {
    const semaphore = new Semaphore(1)
    const guard = yield* semaphore.acquire()
    const waiting = createTask(semaphore.acquire())
    yield* sleep(0)
    guard.release()
    assert.equal(semaphore.locked(), true)
    ;(yield* waiting).release()
    assert.equal(semaphore.locked(), false)
  })
})

test('a barrier numbers those who meet at it, and can be used again', async () => {
  await runVirtual(async () => {
    const barrier = new Barrier(3)
    for (let round = 0; round < 2; round++) {
      const numbers = await gather([1, 2, 3].map((ms) => () => meet(barrier, ms)))
      assert.deepEqual(numbers, [0, 1, 2])
    }
    assert.equal(barrier.nWaiting, 0)
  })
})

async function meet(barrier: Barrier, ms: number): Promise<number> {
  await sleep(ms)
  return barrier.wait()
}

test('resetting a barrier throws in those who wait; aborting breaks it for good', async () => {
  await runVirtual(function* (): Coroutine<void> {
    const barrier = new Barrier(2)
    const first = createTask(barrier.wait())
    yield* sleep(1)
    yield* barrier.reset()
    const [reset] = yield* gather([first], { returnExceptions: true })
    assert.ok(reset instanceof BrokenBarrierError)
    assert.equal(barrier.broken, false)
    yield* barrier.abort()
    const [aborted] = yield* gather([createTask(barrier.wait())], { returnExceptions: true })
    assert.ok(aborted instanceof BrokenBarrierError)
    assert.equal(barrier.broken, true)
  })
})

test('misuse is an error at once, with a code', async () => {
  assert.throws(() => new Semaphore(-1), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => new Semaphore(1.5), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => new Barrier(0), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => new Condition({} as Lock), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => new BoundedSemaphore(1).release(), { code: 'ERR_NOT_ACQUIRED' })
  assert.throws(() => new Condition().notify(), { code: 'ERR_NOT_ACQUIRED' })
  assert.throws(() => new Condition().release(), { code: 'ERR_NOT_ACQUIRED' })
  assert.throws(() => new Lock().with(5 as never), { code: 'ERR_INVALID_ARG_TYPE' })
  await runVirtual(async () => {
    assert.equal(codeOf(await rejectionOf(new Condition().wait())), 'ERR_NOT_ACQUIRED')
  })
})

test('a cancelled acquire of a semaphore gives its place to the next', async () => {
  await runVirtual(function* () {
    const semaphore = new BoundedSemaphore(1)
    const guard = yield* semaphore.acquire()
    const [first, second] = [createTask(semaphore.acquire()), createTask(semaphore.acquire())]
    yield* sleep(0)
    guard.release()
    first.cancel()
    const [error, next] = yield* gather([first, second], { returnExceptions: true })
    assert.ok(error instanceof CancelledError)
    ;(next as { release(): void }).release()
    assert.equal(semaphore.locked(), false)
  })
})
