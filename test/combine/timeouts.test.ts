// timeout and timeoutAt: lines 34 to 36 of the semantics.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  CancelledError,
  createTask,
  currentTask,
  Future,
  getRunningLoop,
  sleep,
  type Task,
  Timeout,
  TimeoutError,
  timeout,
  timeoutAt,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'

const now = () => getRunningLoop().time()

test('a body in time gives its result, in both kinds of coroutine', async () => {
  await runVirtual(function* () {
    const result = yield* timeout(10, function* (deadline) {
      assert.ok(deadline instanceof Timeout)
      assert.equal(deadline.when(), 10)
      assert.equal(deadline.expired(), false)
      return yield* sleep(5, 'in time')
    })
    assert.equal(result, 'in time')
    assert.equal(getRunningLoop().metrics().timers, 0)
  })
  await runVirtual(async () => {
    assert.equal(await timeout(10, async () => await sleep(5, 'in time')), 'in time')
    assert.equal(await timeout(null, () => sleep(1000, 'no deadline')), 'no deadline')
  })
})

test('a body that is late is cancelled, and the error is TimeoutError with its cause', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    let kept: Timeout | null = null
    const error = await rejectionOf(
      timeout(10, async (deadline) => {
        kept = deadline
        try {
          await sleep(1000)
        } catch (error) {
          events.push(`${(error as Error).name} at ${now()}`)
          throw error
        }
      }),
    )
    assert.ok(error instanceof TimeoutError)
    assert.ok(error.cause instanceof CancelledError)
    assert.equal((kept as unknown as Timeout).expired(), true)
    assert.equal(currentTask()?.cancelling(), 0)
  })
  assert.deepEqual(events, ['CancelledError at 10'])
})

test('a generator inside an async task, and an async body inside a generator, are reached', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(
      timeout(5, function* () {
        yield* sleep(1000)
      }),
    )
    assert.ok(error instanceof TimeoutError)
  })
  const events: string[] = []
  await runVirtual(function* () {
    const deep = async () => {
      try {
        await sleep(1000)
      } finally {
        await sleep(3)
        events.push(`cleaned up at ${now()}`)
      }
    }
    try {
      yield* timeout(5, async () => {
        await deep()
      })
      assert.fail('no error')
    } catch (error) {
      assert.ok(error instanceof TimeoutError)
      events.push(`timed out at ${now()}`)
    }
  })
  assert.deepEqual(events, ['cleaned up at 8', 'timed out at 8'])
})

test('the body runs in the current task', async () => {
  await runVirtual(async () => {
    const task = currentTask()
    await timeout(10, async () => {
      assert.equal(currentTask(), task)
      await sleep(1)
      assert.equal(currentTask(), task)
    })
    await createTask(function* () {
      const outer = currentTask()
      yield* timeout(10, async () => {
        await sleep(1)
        assert.equal(currentTask(), outer)
      })
      assert.equal(currentTask(), outer)
    })
  })
})

test('a body that overruns without ever waiting raises nothing', async () => {
  await runVirtual(function* () {
    let deadline: Timeout | null = null
    const result = yield* timeout(-5, function* (given) {
      deadline = given
      return 'done'
    })
    assert.equal(result, 'done')
    assert.equal((deadline as unknown as Timeout).expired(), false)
    yield* sleep(5)
    assert.equal(currentTask()?.cancelling(), 0)
  })
})

test('a timeout of 0 lets the body take its first step, then interrupts it', async () => {
  for (const ms of [0, -1]) {
    const events: string[] = []
    await runVirtual(async () => {
      const error = await rejectionOf(
        timeout(ms, async () => {
          events.push('began')
          await sleep(1)
          events.push('went on')
        }),
      )
      assert.ok(error instanceof TimeoutError)
    })
    assert.deepEqual(events, ['began'])
  }
})

test('nested timeouts that expire together: the outer one reports', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    try {
      yield* timeoutAt(10, function* (outer) {
        try {
          yield* timeoutAt(10, function* () {
            yield* sleep(1000)
          })
        } catch (error) {
          events.push(`inner ${(error as Error).name}, outer expired ${outer.expired()}`)
          throw error
        }
      })
    } catch (error) {
      events.push(`outer ${(error as Error).name}`)
    }
  })
  assert.deepEqual(events, ['inner CancelledError, outer expired true', 'outer TimeoutError'])
})

test('an inner timeout that expires alone is caught inside the outer one', async () => {
  await runVirtual(async () => {
    const result = await timeout(100, async () => {
      assert.ok((await rejectionOf(timeout(5, () => sleep(1000)))) instanceof TimeoutError)
      return await sleep(5, 'went on')
    })
    assert.equal(result, 'went on')
  })
})

test('reschedule moves the deadline, and null disarms it', async () => {
  await runVirtual(async () => {
    const later = await timeout(5, async (deadline) => {
      deadline.reschedule(now() + 50)
      return await sleep(20, 'moved')
    })
    assert.equal(later, 'moved')
    const never = await timeout(5, async (deadline) => {
      deadline.reschedule(null)
      assert.equal(deadline.when(), null)
      return await sleep(1000, 'disarmed')
    })
    assert.equal(never, 'disarmed')
    const error = await rejectionOf(
      timeout(null, async (deadline) => {
        deadline.reschedule(now())
        await sleep(1000)
      }),
    )
    assert.ok(error instanceof TimeoutError)
  })
})

test('a Timeout is used once: outside of its body it cannot be rescheduled', async () => {
  await runVirtual(async () => {
    const deadlines: Timeout[] = []
    await timeout(5, async (deadline) => {
      deadlines.push(deadline)
    })
    await rejectionOf(
      timeout(1, async (deadline) => {
        deadlines.push(deadline)
        try {
          await sleep(10)
        } finally {
          assert.throws(() => deadline.reschedule(100), { code: 'ERR_TIMEOUT_STATE' })
        }
      }),
    )
    for (const deadline of deadlines) {
      assert.throws(() => deadline.reschedule(now() + 1), { code: 'ERR_TIMEOUT_STATE' })
    }
  })
})

test('the cancellation of the task from outside stays a cancellation', async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      await timeout(10, () => sleep(1000))
    })
    await sleep(5)
    task.cancel('outside')
    const error = await rejectionOf(task)
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, 'outside')
    assert.equal(task.cancelling(), 1)
  })
})

test('with a cancel from outside and a deadline at once, CancelledError wins', async () => {
  await runVirtual(function* () {
    const task: Task<void> = createTask(function* () {
      yield* timeoutAt(10, function* () {
        yield* sleep(1000)
      })
    })
    getRunningLoop().callAt(10, () => task.cancel('outside'))
    try {
      yield* task
    } catch (error) {
      assert.ok(error instanceof CancelledError)
    }
    assert.equal(task.cancelled(), true)
    assert.equal(task.cancelling(), 1)
  })
})

test('an error of the body itself is not replaced, late or not', async () => {
  await runVirtual(async () => {
    const failure = new Error('mine')
    const early = timeout(10, async () => {
      throw failure
    })
    assert.equal(await rejectionOf(early), failure)
    const late = timeout(10, async () => {
      try {
        await sleep(1000)
      } catch {
        throw failure
      }
    })
    assert.equal(await rejectionOf(late), failure)
    assert.equal(currentTask()?.cancelling(), 0)
  })
})

test('a body that swallows the cancellation gives its result', async () => {
  await runVirtual(async () => {
    const result = await timeout(5, async () => {
      try {
        await sleep(1000)
        return 'slept'
      } catch {
        return 'swallowed'
      }
    })
    assert.equal(result, 'swallowed')
    assert.equal(currentTask()?.cancelling(), 0)
    await sleep(1)
  })
})

test('a promise in the body is abandoned at the next future, not before', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(
      timeout(5, async () => {
        await new Promise((resolve) => setTimeout(resolve, 2))
        getRunningLoop().callLater(0, () => {})
        await sleep(1000)
      }),
    )
    assert.ok(error instanceof TimeoutError)
  })
})

test('bad arguments, a body that is none, and a place outside of any task are errors', async () => {
  const body = async () => {}
  await runVirtual(async () => {
    assert.throws(() => timeout(NaN, body), { code: 'ERR_OUT_OF_RANGE' })
    // @ts-expect-error a string instead of milliseconds
    assert.throws(() => timeout('5', body), { code: 'ERR_INVALID_ARG_TYPE' })
    // @ts-expect-error no milliseconds at all
    assert.throws(() => timeout(undefined, body), { code: 'ERR_INVALID_ARG_TYPE' })
    // @ts-expect-error no body
    assert.throws(() => timeout(5), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => timeoutAt(NaN, body), { code: 'ERR_OUT_OF_RANGE' })
    // @ts-expect-error a body that gives a number
    assert.equal(codeOf(await rejectionOf(timeout(5, () => 7))), 'ERR_INVALID_ARG_TYPE')
    assert.equal(await timeout(5, () => Promise.resolve(7)), 7)
    assert.equal(await timeout(Infinity, async () => 7), 7)
  })
  const outside = await rejectionOf(timeout(5, body))
  assert.equal(codeOf(outside), 'ERR_OUTSIDE_TASK')
  assert.match(`${messageOf(outside)}`, /call it in a coroutine, or wrap it in createTask/)
})

test('a timeout can be waited for once', async () => {
  await runVirtual(async () => {
    let runs = 0
    const operation = timeout(5, async () => {
      runs++
    })
    await operation
    assert.equal(codeOf(await rejectionOf(operation)), 'ERR_OPERATION_REUSED')
    assert.equal(runs, 1)
    const never = timeout(5, async () => {
      runs++
    })
    assert.ok(never instanceof Object && !(never instanceof Future))
    await sleep(1)
    assert.equal(runs, 1, 'what nobody waits for does not start')
  })
})

test('a timeout prints its state and its deadline as asyncio’s does', async () => {
  await runVirtual(function* () {
    let seen: Timeout | undefined
    yield* timeout(1_000, function* (t) {
      seen = t
      assert.equal(inspect(t), '<Timeout [active] when=1000>')
      t.reschedule(null)
      assert.equal(inspect(t), '<Timeout [active] when=null>')
    })
    assert.equal(inspect(seen), '<Timeout [finished]>')
    try {
      yield* timeout(1, function* (t) {
        seen = t
        yield* sleep(2)
      })
    } catch {
      assert.equal(inspect(seen), '<Timeout [expired]>')
    }
  })
})

test('who hears of the abort of a timeout that expires knows that it has', async () => {
  await runVirtual(async () => {
    const seen: unknown[] = []
    const error = await rejectionOf(
      timeout(5, async (deadline) => {
        currentTask()?.signal.addEventListener('abort', () => {
          seen.push(deadline.expired())
          seen.push(codeOf(thrownBy(() => deadline.reschedule(getRunningLoop().time() + 1))))
        })
        try {
          await sleep(100)
        } finally {
          await sleep(3)
        }
      }),
    )
    assert.ok(error instanceof TimeoutError)
    assert.deepEqual(seen, [true, 'ERR_TIMEOUT_STATE'])
    assert.equal(getRunningLoop().time(), 8)
  })
})
