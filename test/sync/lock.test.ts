// Lock: order, cancellation of waiters, guards and `with`, in both kinds of coroutine.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { CancelledError, type Coroutine, createTask, gather, Lock, newEventLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, rejectionOf } from '../thrown.js'

test('a free lock is taken without giving way, and only when it is waited for', async () => {
  await runVirtual(function* () {
    const lock = new Lock()
    const acquiring = lock.acquire()
    assert.equal(lock.locked(), false)
    let others = 0
    createTask(function* () {
      others++
    })
    const guard = yield* acquiring
    assert.equal(others, 0)
    assert.equal(lock.locked(), true)
    guard.release()
    guard.release()
    assert.equal(lock.locked(), false)
  })
})

test('waiters get the lock in the order in which they asked; a newcomer does not barge in', async () => {
  const log: string[] = []
  await runVirtual(function* () {
    const lock = new Lock()
    function* use(name: string): Coroutine<void> {
      const guard = yield* lock.acquire()
      log.push(name)
      yield* sleep(1)
      guard.release()
      // The lock is free now, but b was there before.
      if (name === 'a') yield* use('a again')
    }
    yield* gather(use('a'), use('b'), use('c'))
  })
  assert.deepEqual(log, ['a', 'b', 'c', 'a again'])
})

test('a waiter that is cancelled when it was woken passes the wake-up on', async () => {
  await runVirtual(function* () {
    const lock = new Lock()
    const guard = yield* lock.acquire()
    const first = createTask(lock.acquire())
    const second = createTask(lock.acquire())
    yield* sleep(0)
    guard.release()
    first.cancel()
    const [error] = yield* gather([first], { returnExceptions: true })
    assert.ok(error instanceof CancelledError)
    const next = yield* second
    assert.equal(lock.locked(), true)
    next.release()
  })
})

test('with releases when the body throws, and when it is cancelled', async () => {
  await runVirtual(async () => {
    const lock = new Lock()
    const failing = lock.with(async () => {
      await sleep(1)
      throw new Error('inside')
    })
    assert.equal(((await rejectionOf(failing)) as Error).message, 'inside')
    assert.equal(lock.locked(), false)
    const task = createTask(() => lock.with(() => sleep(1000)))
    await sleep(1)
    assert.equal(lock.locked(), true)
    task.cancel()
    await rejectionOf(task)
    assert.equal(lock.locked(), false)
    assert.equal(await lock.with(async () => 5), 5)
  })
})

test('a guard releases at the end of its scope', async () => {
  await runVirtual(function* () {
    const lock = new Lock()
    const guard = yield* lock.acquire()
    guard[Symbol.dispose]()
    assert.equal(lock.locked(), false)
  })
})

test('releasing a lock that is not taken is an error that says so', () => {
  assert.throws(() => new Lock().release(), { code: 'ERR_NOT_ACQUIRED', message: /acquire/ })
})

test('a lock that tasks of one loop waited for refuses those of another', async () => {
  const lock = new Lock()
  await runVirtual(function* () {
    yield* lock.acquire()
    const waiting = createTask(lock.acquire())
    yield* sleep(0)
    waiting.cancel()
  })
  const loop = newEventLoop()
  const error = await rejectionOf(loop.runUntilComplete(() => lock.acquire()))
  assert.equal(codeOf(error), 'ERR_WRONG_LOOP')
  loop.close()
})

test('a lock prints its state and how many wait', async () => {
  await runVirtual(function* () {
    const lock = new Lock()
    assert.equal(inspect(lock), '<Lock [unlocked]>')
    yield* lock.acquire()
    const waiting = createTask(lock.acquire())
    yield* sleep(0)
    assert.equal(inspect(lock), '<Lock [locked, waiters:1]>')
    waiting.cancel()
  })
})

test('a coroutine that is returned from while it waits leaves no waiter behind', async () => {
  await runVirtual(function* () {
    const lock = new Lock()
    const guard = yield* lock.acquire()
    const coroutine = (function* (): Coroutine<void> {
      yield* lock.acquire()
    })()
    coroutine.next()
    assert.equal(inspect(lock), '<Lock [locked, waiters:1]>')
    coroutine.return()
    assert.equal(inspect(lock), '<Lock [locked]>')
    guard.release()
    assert.equal(lock.locked(), false)
  })
})
