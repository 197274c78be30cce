// Future: completing, cancelling, done callbacks, and waiting for one in both kinds of coroutine.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  Future,
  getRunningLoop,
  InvalidStateError,
  isFuture,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf, thrownBy } from '../thrown.js'

test('a future leaves its pending state once, with a result', async () => {
  await runVirtual(function* () {
    const future = new Future<number>()
    assert.equal(future.done(), false)
    future.setResult(3)
    assert.equal(future.done(), true)
    assert.equal(future.cancelled(), false)
    assert.equal(future.result(), 3)
    assert.equal(future.exception(), null)
  })
})

test('an exception is thrown by result() and given by exception(), unchanged', async () => {
  await runVirtual(function* () {
    for (const failure of [new RangeError('no'), 'a string', null, undefined, 0]) {
      const future = new Future()
      future.setException(failure)
      assert.equal(future.exception(), failure)
      assert.equal(
        thrownBy(() => future.result()),
        failure,
      )
    }
  })
})

test('while pending, result() and exception() throw InvalidStateError', async () => {
  await runVirtual(function* () {
    const future = new Future()
    assert.throws(() => future.result(), { code: 'ERR_INVALID_STATE', message: /not set/ })
    assert.throws(() => future.exception(), InvalidStateError)
  })
})

test('a second outcome is InvalidStateError and says what the first was', async () => {
  await runVirtual(function* () {
    const [finished, failed, cancelled] = [new Future(), new Future(), new Future()]
    finished.setResult(1)
    failed.setException(new Error('first'))
    cancelled.cancel()
    assert.throws(() => finished.setResult(2), /done already: it has a result/)
    assert.throws(() => failed.setException(new Error('second')), /it has an exception/)
    assert.throws(() => cancelled.setResult(2), /it was cancelled/)
    for (const future of [finished, failed, cancelled]) assert.equal(future.cancel(), false)
    assert.equal(finished.result(), 1)
    assert.equal((failed.exception() as Error).message, 'first')
  })
})

test('cancelling gives the reason and the origin to whoever looks', async () => {
  await runVirtual(function* () {
    const future = new Future()
    const reason = { why: 'closing' }
    assert.equal(future.cancel(reason), true)
    assert.equal(future.cancelled(), true)
    for (const look of [() => future.result(), () => future.exception()]) {
      const error = thrownBy(look)
      assert.ok(error instanceof CancelledError)
      assert.equal(error.reason, reason)
      assert.equal(error.origin, future)
    }
  })
})

test('done callbacks go through callSoon, in order, also on a future that is done', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const loop = getRunningLoop()
    const future = loop.createFuture<number>()
    future.addDoneCallback((done) => events.push(`first ${done.result()}`))
    future.addDoneCallback((done) => events.push(`second ${done === future}`))
    future.setResult(5)
    loop.callSoon(() => events.push('soon'))
    future.addDoneCallback(() => events.push('late'))
    events.push('set')
    yield* sleep(0)
  })
  assert.deepEqual(events, ['set', 'first 5', 'second true', 'soon', 'late'])
})

test('a callback that was added twice is called twice, and both are removed at once', async () => {
  await runVirtual(function* () {
    let calls = 0
    const count = () => calls++
    const other = () => {}
    const future = new Future<void>()
    assert.equal(future.removeDoneCallback(count), 0)
    future.addDoneCallback(count)
    assert.equal(future.removeDoneCallback(other), 0)
    assert.equal(future.removeDoneCallback(count), 1)
    for (const callback of [count, other, count]) future.addDoneCallback(callback)
    assert.equal(future.removeDoneCallback(count), 2)
    future.addDoneCallback(count)
    future.addDoneCallback(count)
    future.setResult()
    assert.equal(future.removeDoneCallback(count), 0)
    yield* sleep(0)
    assert.equal(calls, 2)
  })
})

test('a done callback must be a function', async () => {
  await runVirtual(function* () {
    const future = new Future()
    // @ts-expect-error not a function
    assert.throws(() => future.addDoneCallback('ring'), { code: 'ERR_INVALID_ARG_TYPE' })
  })
})

test('yield* of a done future does not give way', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const loop = getRunningLoop()
    const future = loop.createFuture<number>()
    future.setResult(1)
    loop.callSoon(() => events.push('another'))
    assert.equal(yield* future, 1)
    events.push('straight on')
    yield* sleep(0)
  })
  assert.deepEqual(events, ['straight on', 'another'])
})

test('those who wait resume in the order in which they came', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const future = new Future<string>()
    const waiter = (name: string) =>
      function* () {
        events.push(`${name} ${yield* future}`)
      }
    const tasks = ['a', 'b', 'c'].map((name) => createTask(waiter(name)))
    future.addDoneCallback(() => events.push('callback'))
    yield* sleep(0)
    future.setResult('go')
    for (const task of tasks) yield* task
  })
  assert.deepEqual(events, ['callback', 'a go', 'b go', 'c go'])
})

test('an error reaches those who wait, in generators and in async functions', async () => {
  const failure = new Error('no')
  await runVirtual(async () => {
    const future = new Future<never>()
    const generator = createTask(function* () {
      yield* future
    })
    const asynchronous = createTask(async () => {
      await future
    })
    await sleep(0)
    future.setException(failure)
    assert.equal(await rejectionOf(generator), failure)
    assert.equal(await rejectionOf(asynchronous), failure)
    assert.equal(await rejectionOf(future), failure)
  })
})

test('a future cancelled before it is awaited rejects its awaiter with CancelledError', async () => {
  await runVirtual(async () => {
    const future = new Future<never>()
    future.cancel('gone')
    const seen = await createTask(function* () {
      try {
        return yield* future
      } catch (error) {
        return error
      }
    })
    assert.ok(seen instanceof CancelledError)
    assert.equal(seen.reason, 'gone')
    const error = await rejectionOf(future)
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, 'gone')
  })
})

test('a future belongs to its loop', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    assert.equal(new Future().getLoop(), loop)
    assert.equal(new Future(loop).getLoop(), loop)
    assert.equal(loop.createFuture().getLoop(), loop)
  })
})

test('isFuture knows futures and tasks, and no promise', async () => {
  await runVirtual(async () => {
    assert.equal(isFuture(new Future()), true)
    assert.equal(isFuture(sleep(0)), true)
    assert.equal(isFuture(createTask(async () => {})), true)
    for (const other of [Promise.resolve(), null, undefined, {}, () => {}]) {
      assert.equal(isFuture(other), false)
    }
  })
})
