// taskGroup: lines 37 to 39 of the semantics.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import {
  CancelledError,
  createTask,
  currentTask,
  ExceptionGroup,
  type Future,
  getRunningLoop,
  KeyboardInterrupt,
  sleep,
  type Task,
  TaskGroup,
  taskGroup,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

function messages(error: unknown): unknown[] {
  assert.ok(error instanceof ExceptionGroup, `${error}`)
  return error.errors.map(messageOf)
}

function failing(ms: number, message: string) {
  return async () => {
    await sleep(ms)
    throw new Error(message)
  }
}

test('a group waits for its tasks and gives what its body gives', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const result = yield* taskGroup(function* (group) {
      assert.ok(group instanceof TaskGroup)
      for (const ms of [3, 1, 2]) {
        group.createTask(function* () {
          yield* sleep(ms)
          events.push(`task ${ms}`)
        })
      }
      yield* sleep(0)
      events.push('body over')
      return 'result'
    })
    events.push(result)
  })
  assert.deepEqual(events, ['body over', 'task 1', 'task 2', 'task 3', 'result'])
})

test('an async body works in both kinds of tasks, and its tasks can be waited for', async () => {
  const body = async (group: TaskGroup) => {
    const a = group.createTask(async () => await sleep(2, 'a'), { name: 'the a' })
    const b = group.createTask(() => sleep(1, 'b'))
    assert.equal(a.getName(), 'the a')
    return `${await a}${await b}`
  }
  assert.equal(await runVirtual(async () => await taskGroup(body)), 'ab')
  assert.equal(
    await runVirtual(function* () {
      return yield* taskGroup(body)
    }),
    'ab',
  )
  assert.equal(await runVirtual(taskGroup(body)), 'ab')
  assert.equal(await runVirtual(async () => await taskGroup(async () => 'no tasks')), 'no tasks')
})

test('a failing child cancels the siblings and the body; all end; then an ExceptionGroup', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const error = await rejectionOf(
      taskGroup(async (group) => {
        group.createTask(async () => {
          try {
            await sleep(1000)
          } finally {
            await sleep(3)
            events.push(`sibling at ${getRunningLoop().time()}`)
          }
        })
        group.createTask(failing(5, 'the child'))
        try {
          await sleep(1000)
        } finally {
          events.push(`body at ${getRunningLoop().time()}`)
        }
      }),
    )
    assert.deepEqual(messages(error), ['the child'])
    assert.equal(messageOf(error), 'unhandled errors in a TaskGroup (1 sub-exception)')
    assert.equal(currentTask()?.cancelling(), 0)
  })
  assert.deepEqual(events, ['body at 5', 'sibling at 8'])
})

test('the group holds every error; the body’s own stands last', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(
      taskGroup(async (group) => {
        group.createTask(failing(1, 'first'))
        group.createTask(async () => {
          try {
            await sleep(1000)
          } finally {
            // biome-ignore lint/correctness/noUnsafeFinally: an error while cleaning up
            throw new Error('while cleaning up')
          }
        })
        try {
          await sleep(1000)
        } catch {
          throw new Error('the body')
        }
      }),
    )
    assert.deepEqual(messages(error), ['first', 'while cleaning up', 'the body'])
  })
})

test('an error of the body alone comes in a group too, after the children ended', async () => {
  await runVirtual(async () => {
    const children: Task<unknown>[] = []
    const error = await rejectionOf(
      taskGroup(async (group) => {
        children.push(group.createTask(() => sleep(1000)))
        await sleep(1)
        throw new Error('the body')
      }),
    )
    assert.deepEqual(messages(error), ['the body'])
    assert.equal(children[0]?.cancelled(), true)
  })
})

test('a child’s own cancellation is not a failure', async () => {
  await runVirtual(async () => {
    const result = await taskGroup(async (group) => {
      const child = group.createTask(() => sleep(1000))
      group.createTask(async () => {
        throw new CancelledError('of its own')
      })
      await sleep(1)
      child.cancel()
      return 'fine'
    })
    assert.equal(result, 'fine')
  })
})

test('outer cancellation without errors is a CancelledError with its reason', async () => {
  for (const kind of ['generator', 'async']) {
    await runVirtual(async () => {
      const children: Task<unknown>[] = []
      const task = createTask(
        kind === 'async'
          ? async () => {
              await taskGroup(async (group) => {
                children.push(group.createTask(() => sleep(1000)))
              })
            }
          : function* () {
              yield* taskGroup(function* (group) {
                children.push(group.createTask(() => sleep(1000)))
              })
            },
      )
      await sleep(1)
      task.cancel('outside')
      const error = await rejectionOf(task)
      assert.ok(error instanceof CancelledError, kind)
      assert.equal(error.reason, 'outside')
      assert.equal(task.cancelling(), 1)
      assert.equal(children[0]?.cancelled(), true)
    })
  }
})

test('outer cancellation with errors: the group is thrown, and the count stays right', async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      const error = await rejectionOf(
        taskGroup(async (group) => {
          group.createTask(async () => {
            try {
              await sleep(1000)
            } catch {
              throw new Error('while cleaning up')
            }
          })
        }),
      )
      assert.deepEqual(messages(error), ['while cleaning up'])
      assert.equal(currentTask()?.cancelling(), 1)
      // The cancellation was only put off: the next wait meets it.
      await sleep(1000)
    })
    await sleep(1)
    task.cancel('outside')
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    assert.equal(getRunningLoop().time() < 1000, true)
  })
})

test('createTask on a group that is ending is an error, and the coroutine never runs', async () => {
  await runVirtual(async () => {
    const groups: TaskGroup[] = []
    let ran = false
    const late = async () => {
      ran = true
    }
    await taskGroup(async (group) => {
      groups.push(group)
    })
    await rejectionOf(
      taskGroup(async (group) => {
        group.createTask(async () => {
          try {
            await sleep(1000)
          } finally {
            assert.throws(() => group.createTask(late), { code: 'ERR_GROUP_ENDED' })
          }
        })
        await sleep(1)
        throw new Error('the body')
      }),
    )
    assert.throws(() => groups[0]?.createTask(late), { name: 'RuntimeError' })
    const generator = (function* () {
      ran = true
      yield* sleep(1)
    })()
    assert.throws(() => groups[0]?.createTask(generator), { code: 'ERR_GROUP_ENDED' })
    assert.deepEqual(generator.next(), { value: undefined, done: true })
    await sleep(5)
    assert.equal(ran, false)
  })
})

test('a child can add tasks while the group waits for it', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    await taskGroup(async (group) => {
      const descend = (depth: number) => async () => {
        await sleep(1)
        events.push(`${depth}`)
        if (depth > 0) group.createTask(descend(depth - 1))
      }
      group.createTask(descend(3))
    })
  })
  assert.deepEqual(events, ['3', '2', '1', '0'])
})

test('cancel() ends the group without an error of its own', async () => {
  await runVirtual(async () => {
    const children: Task<unknown>[] = []
    await taskGroup(async (group) => {
      children.push(
        group.createTask(() => sleep(1000)),
        group.createTask(() => sleep(1000)),
      )
      getRunningLoop().callLater(5, () => group.cancel('enough'))
      await sleep(1000)
    })
    assert.equal(getRunningLoop().time(), 5)
    assert.equal(currentTask()?.cancelling(), 0)
    for (const child of children) assert.equal(child.cancelled(), true)
  })
})

test('nested groups: the inner group is an error of the outer one', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(
      taskGroup(async (outer) => {
        outer.createTask(async () => {
          await taskGroup(async (inner) => {
            inner.createTask(failing(1, 'deep'))
          })
        })
        await sleep(1000)
      }),
    )
    assert.ok(error instanceof ExceptionGroup)
    assert.deepEqual([...error.leaves()].map(messageOf), ['deep'])
    assert.ok(error.errors[0] instanceof ExceptionGroup)
  })
})

test('KeyboardInterrupt of a child ends the run alone, not in a group', async () => {
  const end = new KeyboardInterrupt()
  const error = await rejectionOf(
    runVirtual(function* () {
      yield* taskGroup(function* (group) {
        group.createTask(function* (): Generator<Future<unknown>, void, unknown> {
          yield* sleep(1)
          throw end
        })
        yield* sleep(1000)
      })
    }),
  )
  assert.equal(error, end)
})

test('bad arguments: no body, no coroutine, no task to run in', async () => {
  // @ts-expect-error no body
  assert.throws(() => taskGroup(), { code: 'ERR_INVALID_ARG_TYPE' })
  const outside = await rejectionOf(taskGroup(async () => {}))
  assert.equal(codeOf(outside), 'ERR_OUTSIDE_TASK')
  assert.match(`${messageOf(outside)}`, /createTask/)
  await runVirtual(async () => {
    await taskGroup(async (group) => {
      // @ts-expect-error a number is no coroutine
      assert.throws(() => group.createTask(5), { code: 'ERR_INVALID_ARG_TYPE' })
    })
    // @ts-expect-error a body that gives a number: reported like an error of the body
    const error = await rejectionOf(taskGroup(() => 5))
    assert.ok(codeOf(error) === 'ERR_INVALID_ARG_TYPE' || messages(error).length === 1)
  })
})

test('a group prints how many tasks and errors it has, as asyncio’s does', async () => {
  await runVirtual(async () => {
    const error = await rejectionOf(
      taskGroup(async (group) => {
        assert.equal(inspect(group), '<TaskGroup entered>')
        group.createTask(failing(1, 'one'))
        group.createTask(() => sleep(5).catch(() => sleep(5)))
        assert.equal(inspect(group), '<TaskGroup tasks=2 entered>')
        await sleep(3).catch(() =>
          assert.equal(inspect(group), '<TaskGroup tasks=1 errors=1 cancelling>'),
        )
      }),
    )
    assert.deepEqual(messages(error), ['one'])
  })
})
