// waitFor: lines 31 and 32 of the semantics.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  currentTask,
  Future,
  getRunningLoop,
  sleep,
  TimeoutError,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

test('what is in time gives its result or its error', async () => {
  await runVirtual(async () => {
    const fail = async () => {
      throw new Error('no')
    }
    assert.equal(await waitFor(sleep(5, 'future'), 10), 'future')
    assert.equal(await waitFor(Promise.resolve('promise'), 10), 'promise')
    assert.equal(
      await waitFor(
        createTask(() => sleep(5, 'task')),
        10,
      ),
      'task',
    )
    assert.equal(await waitFor(async () => await sleep(5, 'function'), 10), 'function')
    assert.equal(await waitFor(waitFor(sleep(5, 'operation'), 7), 10), 'operation')
    assert.equal(await waitFor(sleep(1000, 'no limit'), null), 'no limit')
    assert.equal(messageOf(await rejectionOf(waitFor(fail, 10))), 'no')
  })
  await runVirtual(function* () {
    function* generator(): Generator<Future<unknown>, string, unknown> {
      return yield* sleep(5, 'generator')
    }
    assert.equal(yield* waitFor(generator(), 10), 'generator')
    assert.equal(yield* waitFor(generator, 10), 'generator')
  })
})

test('what is late is cancelled, waited for, and a TimeoutError thrown', async () => {
  const events: string[] = []
  const child = async () => {
    try {
      await sleep(1000)
    } finally {
      await sleep(5)
      events.push(`child cleaned up at ${getRunningLoop().time()}`)
    }
  }
  for (const makes of ['function', 'task']) {
    await runVirtual(async () => {
      const error = await rejectionOf(waitFor(makes === 'task' ? createTask(child) : child, 10))
      assert.ok(error instanceof TimeoutError)
      events.push(`timed out at ${getRunningLoop().time()}`)
    })
    assert.deepEqual(events.splice(0), ['child cleaned up at 15', 'timed out at 15'])
  }
})

test('a child that swallows the cancellation gives its value', async () => {
  await runVirtual(async () => {
    const child = async () => {
      try {
        await sleep(1000)
        return 'slept'
      } catch {
        return 'swallowed'
      }
    }
    assert.equal(await waitFor(child, 5), 'swallowed')
    assert.equal(await waitFor(createTask(child), 5), 'swallowed')
  })
})

test('ms <= 0 never starts what has not begun', async () => {
  for (const ms of [0, -1]) {
    await runVirtual(async () => {
      let ran = false
      const child = async () => {
        ran = true
      }
      assert.ok((await rejectionOf(waitFor(child, ms))) instanceof TimeoutError)
      assert.equal(ran, false)
      const done = new Future<string>()
      done.setResult('done already')
      assert.equal(await waitFor(done, ms), 'done already')
      const running = createTask(() => sleep(1000))
      await sleep(0)
      assert.ok((await rejectionOf(waitFor(running, ms))) instanceof TimeoutError)
      assert.equal(running.cancelled(), true)
    })
  }
})

test('the child runs in the task of the caller', async () => {
  await runVirtual(async () => {
    const task = currentTask()
    assert.ok(task)
    assert.equal(await waitFor(async () => currentTask()?.getName(), 10), task.getName())
    await createTask(function* () {
      const caller = currentTask()
      yield* waitFor(function* () {
        assert.equal(currentTask(), caller)
      }, 10)
    })
  })
})

test('a cancellation from outside is never lost, even with the result there', async () => {
  await runVirtual(async () => {
    const future = new Future<string>()
    const task = createTask(async () => await waitFor(future, 1000))
    await sleep(1)
    future.setResult('there')
    task.cancel('outside')
    const error = await rejectionOf(task)
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, 'outside')
    const other = createTask(function* () {
      yield* waitFor(sleep(500), 1000)
    })
    await sleep(1)
    other.cancel('outside')
    assert.equal(((await rejectionOf(other)) as CancelledError).reason, 'outside')
  })
})

test('a future that is waited for is cancelled when the time is over', async () => {
  await runVirtual(async () => {
    const future = new Future<void>()
    assert.ok((await rejectionOf(waitFor(future, 5))) instanceof TimeoutError)
    assert.equal(future.cancelled(), true)
  })
})

test('outside of a task waitFor makes one of its own', async () => {
  const loop = (await import('gyre')).newEventLoop()
  assert.equal(await loop.runUntilComplete(waitFor(async () => 5, 10)), 5)
  loop.close()
})

test('bad arguments start nothing', async () => {
  await runVirtual(async () => {
    let ran = false
    const child = async () => {
      ran = true
    }
    // @ts-expect-error a number is no coroutine
    assert.throws(() => waitFor(5, 10), { code: 'ERR_INVALID_ARG_TYPE' })
    // @ts-expect-error no milliseconds
    assert.throws(() => waitFor(child), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => waitFor(child, NaN), { code: 'ERR_OUT_OF_RANGE' })
    const operation = waitFor(child, 10)
    await sleep(1)
    assert.equal(ran, false)
    await operation
    assert.equal(codeOf(await rejectionOf(operation)), 'ERR_OPERATION_REUSED')
  })
})
