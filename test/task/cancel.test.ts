// Cancelling a task: where the CancelledError is thrown, which counts it leaves, who wins a race.
// Lines 13 to 20 of the semantics, in generators with the exact order, in async functions with the
// same outcome.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  currentTask,
  Future,
  getRunningLoop,
  sleep,
  type Task,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf, thrownBy } from '../thrown.js'

type Body = () => Generator<Future<unknown>, unknown, unknown> | Promise<unknown>

/** The same body twice: as a generator function and as an async function. */
function kinds(generator: Body, asynchronous: Body): [string, Body][] {
  return [
    ['a generator task', generator],
    ['an async task', asynchronous],
  ]
}

test('cancel() gives true until the task is done, also where it is ignored', async () => {
  const stubborn = kinds(
    function* () {
      for (;;) {
        try {
          yield* sleep(5)
          return 'done'
        } catch {}
      }
    },
    async () => {
      for (;;) {
        try {
          await sleep(5)
          return 'done'
        } catch {}
      }
    },
  )
  for (const [kind, body] of stubborn) {
    await runVirtual(async () => {
      const task = createTask(body)
      await sleep(1)
      assert.equal(task.cancel(), true, kind)
      await sleep(1)
      assert.equal(task.cancel(), true, kind)
      assert.equal(await task, 'done')
      assert.equal(task.cancel(), false)
      assert.equal(task.cancelled(), false)
      assert.equal(task.cancelling(), 2)
    })
  }
})

test('cancelled before its first step, neither body nor finally ever runs', async () => {
  const bodies = kinds(
    function* () {
      try {
        assert.fail('the body ran')
      } finally {
        assert.fail('finally ran')
      }
    },
    async () => assert.fail('the body ran'),
  )
  for (const [kind, body] of bodies) {
    await runVirtual(async () => {
      const task = createTask(body)
      task.cancel('early')
      const error = await rejectionOf(task)
      assert.ok(error instanceof CancelledError, kind)
      assert.equal(error.reason, 'early')
      assert.equal(task.cancelled(), true)
    })
  }
})

test('a cancellation wins over what the task waited for, if it has not resumed yet', async () => {
  const events: string[] = []
  const future: { current: Future<string> | null } = { current: null }
  const bodies = kinds(
    function* () {
      events.push(yield* future.current as Future<string>)
    },
    async () => {
      events.push(await (future.current as Future<string>))
    },
  )
  for (const [kind, body] of bodies) {
    await runVirtual(async () => {
      future.current = new Future<string>()
      const task = createTask(body)
      await sleep(0)
      future.current.setResult('a result')
      task.cancel()
      assert.ok((await rejectionOf(task)) instanceof CancelledError, kind)
      assert.equal(task.cancelled(), true)
    })
  }
  assert.deepEqual(events, [])
})

test('self-cancel and then return without waiting: the task ends cancelled', async () => {
  for (const [kind, body] of kinds(
    function* () {
      currentTask()?.cancel('myself')
      return 'ignored'
    },
    async () => {
      currentTask()?.cancel('myself')
      return 'ignored'
    },
  )) {
    await runVirtual(async () => {
      const task = createTask(body)
      const error = await rejectionOf(task)
      assert.ok(error instanceof CancelledError, kind)
      assert.equal(error.reason, 'myself')
      assert.equal(task.cancelled(), true)
    })
  }
})

test('self-cancel and then wait: the wait is interrupted', async () => {
  for (const [kind, body] of kinds(
    function* () {
      currentTask()?.cancel('myself')
      yield* sleep(1000)
    },
    async () => {
      currentTask()?.cancel('myself')
      await sleep(1000)
    },
  )) {
    await runVirtual(async () => {
      const error = await rejectionOf(createTask(body))
      assert.equal((error as CancelledError).reason, 'myself', kind)
      assert.equal(getRunningLoop().time(), 0, 'nobody has slept')
    })
  }
})

test('a swallowed cancel gives a normal result, and cancelling() stays 1', async () => {
  for (const [kind, body] of kinds(
    function* () {
      try {
        yield* sleep(100)
        return 'slept'
      } catch {
        return 'swallowed'
      }
    },
    async () => {
      try {
        await sleep(100)
        return 'slept'
      } catch {
        return 'swallowed'
      }
    },
  )) {
    await runVirtual(async () => {
      const task = createTask(body)
      await sleep(1)
      task.cancel()
      assert.equal(await task, 'swallowed', kind)
      assert.equal(task.cancelling(), 1)
      assert.equal(task.cancelled(), false)
    })
  }
})

test('cancel goes into the awaited task, through every level', async () => {
  const events: string[] = []
  function* level(depth: number): Generator<Future<unknown>, void, unknown> {
    try {
      if (depth === 0) yield* sleep(1000)
      else yield* createTask(level(depth - 1))
    } catch (error) {
      events.push(`${depth}: ${(error as CancelledError).reason}`)
      throw error
    }
  }
  await runVirtual(function* () {
    const task = createTask(level(3))
    yield* sleep(1)
    const reason = 'shutdown'
    task.cancel(reason)
    try {
      yield* task
    } catch (error) {
      assert.ok(error instanceof CancelledError)
      assert.equal(error.reason, reason)
      assert.equal(error.origin, task)
    }
  })
  assert.deepEqual(events, ['0: shutdown', '1: shutdown', '2: shutdown', '3: shutdown'])
})

test('a task whose awaited task somebody else cancelled ends cancelled, uncounted', async () => {
  await runVirtual(async () => {
    const inner = createTask(() => sleep(1000))
    const outers = [
      createTask(function* () {
        yield* inner
      }),
      createTask(async () => {
        await inner
      }),
    ]
    await sleep(1)
    inner.cancel('elsewhere')
    for (const outer of outers) {
      await rejectionOf(outer)
      assert.equal(outer.cancelled(), true)
      assert.equal(outer.cancelling(), 0)
    }
    assert.equal(inner.cancelling(), 1)
  })
})

test('the error a task died of comes to the first who asks, with its reason', async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1000))
    await sleep(1)
    task.cancel('once')
    await sleep(1)
    assert.equal((thrownBy(() => task.exception()) as CancelledError).reason, 'once')
  })
})

test('later ones get an error of their own, of the same origin and without a reason', async () => {
  await runVirtual(function* () {
    const inner = createTask(() => sleep(60_000))
    const outer = createTask(function* () {
      yield* inner
    })
    yield* sleep(0)
    inner.cancel('enough')
    yield* sleep(0)
    yield* sleep(0)
    yield* sleep(0)
    for (const task of [inner, outer]) assert.ok(task.cancelled())
    const errors = [1, 2, 3].map(() => thrownBy(() => outer.result()) as CancelledError)
    assert.deepEqual(
      errors.map(({ reason, origin }) => [reason, origin]),
      [
        ['enough', inner],
        [undefined, inner],
        [undefined, inner],
      ],
    )
    assert.equal(new Set(errors).size, 3)
  })
})

test('uncancel that reaches 0 also takes back a cancel that was not delivered', async () => {
  const bodies = kinds(
    function* () {
      const task = currentTask() as Task<unknown>
      task.cancel()
      assert.equal(task.cancelling(), 1)
      assert.equal(task.uncancel(), 0)
      yield* sleep(5)
      return 'went on'
    },
    async () => {
      const task = currentTask() as Task<unknown>
      task.cancel()
      assert.equal(task.uncancel(), 0)
      await sleep(5)
      return 'went on'
    },
  )
  for (const [kind, body] of bodies) {
    assert.equal(await runVirtual(body), 'went on', kind)
  }
})

test('uncancel counts down to 0 and no further', async () => {
  await runVirtual(function* () {
    const task = currentTask() as Task<unknown>
    for (let i = 0; i < 3; i++) task.cancel()
    assert.equal(task.cancelling(), 3)
    assert.deepEqual([task.uncancel(), task.uncancel(), task.uncancel()], [2, 1, 0])
    assert.equal(task.uncancel(), 0)
    assert.equal(task.cancelling(), 0)
    yield* sleep(0)
  })
})

test('a second cancel interrupts the cleaning up of the first', async () => {
  const events: string[] = []
  const bodies = kinds(
    function* () {
      try {
        yield* sleep(100)
      } finally {
        events.push('cleaning')
        yield* sleep(100)
        events.push('cleaned')
      }
    },
    async () => {
      try {
        await sleep(100)
      } finally {
        events.push('cleaning')
        await sleep(100)
        events.push('cleaned')
      }
    },
  )
  for (const [kind, body] of bodies) {
    await runVirtual(async () => {
      const task = createTask(body)
      await sleep(1)
      task.cancel('first')
      await sleep(1)
      task.cancel('second')
      assert.equal(((await rejectionOf(task)) as CancelledError).reason, 'second', kind)
    })
  }
  assert.deepEqual(events, ['cleaning', 'cleaning'])
})

test('a cancelled sleep frees its timer', async () => {
  await runVirtual(function* () {
    const task = createTask(() => sleep(1e9))
    yield* sleep(0)
    const loop = task.getLoop()
    assert.equal(loop.metrics().timers, 1)
    task.cancel()
    assert.equal(loop.metrics().timers, 0)
    try {
      yield* task
    } catch {}
  })
})

test('an error thrown while cleaning up takes the place of the cancellation', async () => {
  const failure = new Error('while cleaning up')
  for (const [kind, body] of kinds(
    function* () {
      try {
        yield* sleep(100)
      } catch {
        throw failure
      }
    },
    async () => {
      try {
        await sleep(100)
      } catch {
        throw failure
      }
    },
  )) {
    await runVirtual(async () => {
      const task = createTask(body)
      await sleep(1)
      task.cancel()
      assert.equal(await rejectionOf(task), failure, kind)
      assert.equal(task.cancelled(), false)
    })
  }
})

test('a body that throws a CancelledError of its own ends cancelled', async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      throw new CancelledError('mine')
    })
    assert.equal(((await rejectionOf(task)) as CancelledError).reason, 'mine')
    assert.equal(task.cancelled(), true)
    assert.equal(task.cancelling(), 0)
  })
})

test('a task that waits for a promise is not interrupted, but at its next future', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    let resolve = () => {}
    const foreign = new Promise<void>((settle) => {
      resolve = settle
    })
    const task = createTask(async () => {
      await foreign
      events.push('the promise came')
      await sleep(5)
      events.push('never')
    })
    await sleep(1)
    task.cancel('at the next chance')
    await sleep(1)
    assert.equal(task.done(), false)
    resolve()
    const error = await rejectionOf(task)
    assert.equal((error as CancelledError).reason, 'at the next chance')
  })
  assert.deepEqual(events, ['the promise came'])
})

test('a future that a task was given is cancelled with it, also before the first step', async () => {
  await runVirtual(async () => {
    for (const turns of [0, 1]) {
      const given = new Future<void>()
      const task = createTask(given)
      if (turns === 1) await sleep(0)
      assert.equal(task.cancel('enough'), true)
      assert.equal(((await rejectionOf(task)) as CancelledError).reason, 'enough')
      assert.equal(given.cancelled(), true)
    }
    const done = new Future<string>()
    done.setResult('kept')
    const late = createTask(done)
    late.cancel()
    assert.ok((await rejectionOf(late)) instanceof CancelledError)
    assert.equal(done.result(), 'kept')
  })
})
