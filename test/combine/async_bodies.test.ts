// Async bodies of groups and timeouts in a task that is cancelled: what they throw is kept, as in
// asyncio, where nobody waits between a body and what runs it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  currentTask,
  ExceptionGroup,
  Lock,
  sleep,
  type Task,
  TimeoutError,
  taskGroup,
  timeout,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

/** A child that fails while it cleans up after it was cancelled. */
async function failingCleanup() {
  try {
    await sleep(10_000)
  } finally {
    await fail()
  }
}

async function fail(): Promise<never> {
  throw new Error('cleanup')
}

async function groupOfFailing() {
  await taskGroup(async (group) => {
    group.createTask(failingCleanup)
    group.createTask(failingCleanup)
    await sleep(10_000)
  })
}

/** The messages of a group inside a group. */
function innerMessages(error: unknown): unknown[] {
  assert.ok(error instanceof ExceptionGroup, `${error}`)
  assert.equal(error.errors.length, 1)
  const [inner] = error.errors
  assert.ok(inner instanceof ExceptionGroup, `${inner}`)
  return inner.errors.map(messageOf)
}

test('a group in a group that is cancelled from outside hands its errors on', async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      await taskGroup(groupOfFailing)
    })
    await sleep(1)
    task.cancel()
    assert.deepEqual(innerMessages(await rejectionOf(task)), ['cleanup', 'cleanup'])
    assert.equal(task.cancelling(), 1)
  })
})

test('the same in a generator task with async bodies', async () => {
  await runVirtual(function* () {
    const task = createTask(function* () {
      yield* taskGroup(groupOfFailing)
    })
    yield* sleep(1)
    task.cancel()
    try {
      yield* task
      assert.fail('nothing was thrown')
    } catch (error) {
      assert.deepEqual(innerMessages(error), ['cleanup', 'cleanup'])
    }
  })
})

test('the outer group still waits for its own tasks, and cancels them', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const task = createTask(async () => {
      await taskGroup(async (outer) => {
        outer.createTask(async () => {
          try {
            await sleep(10_000)
          } finally {
            await sleep(5)
            events.push('outer child has cleaned up')
          }
        })
        await groupOfFailing()
      })
    })
    await sleep(1)
    task.cancel()
    assert.deepEqual(innerMessages(await rejectionOf(task)), ['cleanup', 'cleanup'])
    assert.deepEqual(events, ['outer child has cleaned up'])
  })
})

test('a timeout around a group whose tasks fail while they end gives their errors', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(timeout(1, groupOfFailing))
    assert.ok(error instanceof ExceptionGroup, `${error}`)
    assert.deepEqual(error.errors.map(messageOf), ['cleanup', 'cleanup'])
    assert.equal(currentTask()?.cancelling(), 0)
    await sleep(1) // the cancellation was the timeout's, and is gone with it
  })
})

test('a group in the body of a lock that is cancelled hands its errors on', async () => {
  await runVirtual(async () => {
    const lock = new Lock()
    const task = createTask(async () => {
      await lock.with(groupOfFailing)
    })
    await sleep(1)
    task.cancel()
    const error = await rejectionOf(task)
    assert.ok(error instanceof ExceptionGroup, `${error}`)
    assert.equal(lock.locked(), false)
  })
})

test('who catches the errors is cancelled at the next wait', async () => {
  const events: unknown[] = []
  await runVirtual(async () => {
    const task = createTask(async () => {
      try {
        await taskGroup(groupOfFailing)
      } catch (error) {
        events.push(innerMessages(error), currentTask()?.cancelling())
      }
      await sleep(10_000).finally(() => events.push('waited'))
    })
    await sleep(1)
    task.cancel()
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    assert.deepEqual(events, [['cleanup', 'cleanup'], 1, 'waited'])
  })
})

test('an operation that must not wait for what it is given says so', async () => {
  await runVirtual(async () => {
    const task: Task<unknown> = createTask(async () => await waitFor(task, 1_000))
    const error = await rejectionOf(task)
    assert.equal(codeOf(error), 'ERR_AWAIT_SELF')
  })
})

test('an AbortError of the task’s own signal still is the cancellation', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(
      timeout(1, async () => {
        const { signal } = currentTask() as { signal: AbortSignal }
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new DOMException('gone', 'AbortError')))
        })
      }),
    )
    assert.ok(error instanceof TimeoutError, `${error}`)
  })
})
