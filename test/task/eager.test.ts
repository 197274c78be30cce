// Eager tasks and task factories (lines 22 and 23 of the semantics).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  CancelledError,
  createTask,
  currentTask,
  ensureFuture,
  type Future,
  gather,
  getRunningLoop,
  newEventLoop,
  sleep,
  Task,
  taskGroup,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf, rejectionOf } from '../thrown.js'

test('the first step of an eager task runs inside createTask, with currentTask swapped', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const main = currentTask()
    const task: Task<void> = createTask(
      function* () {
        events.push(`first step in ${currentTask()?.getName()}`)
        yield* sleep(0)
        events.push('second step')
      },
      { eagerStart: true, name: 'eager' },
    )
    events.push('created')
    assert.equal(currentTask(), main)
    assert.equal(allTasks().has(task), true)
    yield* task
  })
  assert.deepEqual(events, ['first step in eager', 'created', 'second step'])
})

test('an eager task that never waits comes back done', async () => {
  await runVirtual(async () => {
    const generator = createTask(
      function* () {
        return 5
      },
      { eagerStart: true },
    )
    assert.equal(generator.done(), true)
    assert.equal(generator.result(), 5)
    assert.equal(allTasks().has(generator), false)
    const failed = createTask(
      function* () {
        throw new Error('at once')
      },
      { eagerStart: true },
    )
    assert.equal(messageOf(failed.exception()), 'at once')
    assert.equal(await generator, 5)
  })
})

test('an eager async function runs up to its first await inside createTask', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    const main = currentTask()
    const task = createTask(
      async () => {
        events.push(`first in ${currentTask()?.getName()}`)
        await sleep(1)
        events.push(`then in ${currentTask()?.getName()}`)
        return 'done'
      },
      { eagerStart: true, name: 'eager' },
    )
    events.push('created')
    assert.equal(currentTask(), main)
    assert.equal(await task, 'done')
  })
  assert.deepEqual(events, ['first in eager', 'created', 'then in eager'])
})

test('an eager task can be cancelled behind its first step, and can cancel itself in it', async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(1000), { eagerStart: true })
    task.cancel('why')
    assert.equal(((await rejectionOf(task)) as CancelledError).reason, 'why')
    const itself = createTask(
      function* () {
        currentTask()?.cancel('myself')
        return 5
      },
      { eagerStart: true },
    )
    assert.equal(itself.cancelled(), true)
    assert.ok((await rejectionOf(itself)) instanceof CancelledError)
  })
})

test('without a running loop an eager task starts as others do', async () => {
  const loop = newEventLoop()
  let ran = false
  const task = loop.createTask(
    async () => {
      ran = true
    },
    { eagerStart: true },
  )
  assert.equal(ran, false)
  await loop.runUntilComplete(task)
  assert.equal(ran, true)
  loop.close()
})

test('a chain of eager tasks nests, and each level has its own current task', async () => {
  await runVirtual(function* () {
    const names: string[] = []
    const nest = (depth: number): Task<void> =>
      createTask(
        function* () {
          names.push(`in ${currentTask()?.getName()}`)
          if (depth > 0) nest(depth - 1)
          names.push(`out ${currentTask()?.getName()}`)
        },
        { eagerStart: true, name: `${depth}` },
      )
    nest(2)
    assert.deepEqual(names, ['in 2', 'in 1', 'in 0', 'out 0', 'out 1', 'out 2'])
    yield* sleep(0)
  })
})

test('a task factory makes the tasks of its loop, with the options of each', async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop()
    const made: (string | undefined)[] = []
    assert.equal(loop.getTaskFactory(), null)
    const factory: NonNullable<ReturnType<typeof loop.getTaskFactory>> = (where, coro, options) => {
      assert.equal(where, loop)
      made.push(options.name)
      where.setTaskFactory(null)
      const task = where.createTask(coro, options)
      where.setTaskFactory(factory)
      return task
    }
    loop.setTaskFactory(factory)
    assert.equal(loop.getTaskFactory(), factory)
    assert.equal(await createTask(async () => 1, { name: 'one' }), 1)
    assert.equal(await ensureFuture(async () => 2), 2)
    assert.deepEqual(
      await gather(
        async () => 3,
        function* () {
          return 4
        },
      ),
      [3, 4],
    )
    assert.deepEqual(
      await gather(
        Array.from({ length: 5 }, (_, i) => async () => i),
        { limit: 2 },
      ),
      [0, 1, 2, 3, 4],
    )
    await taskGroup(async (group) => {
      group.createTask(async () => {}, { name: 'in a group' })
    })
    loop.setTaskFactory(null)
    await createTask(async () => {}, { name: 'not counted' })
    assert.deepEqual(
      made.filter((name) => name !== undefined),
      ['one', 'in a group'],
    )
    assert.equal(made.length, 10)
    // @ts-expect-error not a function
    assert.throws(() => loop.setTaskFactory(5), { code: 'ERR_INVALID_ARG_TYPE' })
  })
})

test('a task has the name that was asked for, though its factory knows of none, as in asyncio', async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop()
    loop.setTaskFactory((where, coro) => new Task(coro, {}, where))
    const task = createTask(async () => {}, { name: 'mine' })
    assert.equal(task.getName(), 'mine')
    assert.match(createTask(async () => {}).getName(), /^Task-\d+$/)
    await task
    loop.setTaskFactory(null)
  })
})

test('a factory of eager tasks makes everything eager', async () => {
  await runVirtual(async () => {
    const loop = getRunningLoop()
    loop.setTaskFactory((where, coro, options) => {
      const eager = where.getTaskFactory()
      where.setTaskFactory(null)
      try {
        return where.createTask(coro, { ...options, eagerStart: true })
      } finally {
        where.setTaskFactory(eager)
      }
    })
    const events: string[] = []
    const job = (name: string) =>
      function* (): Generator<Future<unknown>, string, unknown> {
        events.push(name)
        return name
      }
    const all = gather(job('a'), job('b'))
    assert.deepEqual(events, ['a', 'b'])
    assert.deepEqual(await all, ['a', 'b'])
    const same = job('same')()
    assert.deepEqual(await gather([same, same], { limit: 1 }), ['same', 'same'])
    await taskGroup(async (group) => {
      const task = group.createTask(job('c'))
      assert.equal(task.done(), true)
    })
    loop.setTaskFactory(null)
  })
})

test('in the continuation of an async function, and on the default loop, eager is eager', async () => {
  await runVirtual(async () => {
    await sleep(1)
    await Promise.resolve()
    const task = createTask(async () => 5, { eagerStart: true })
    assert.equal(await task, 5)
    const names: unknown[] = []
    const generator = createTask(
      function* () {
        names.push(currentTask()?.getName())
        const result = yield* sleep(1, 6)
        names.push(currentTask()?.getName())
        return result
      },
      { eagerStart: true, name: 'eager' },
    )
    assert.deepEqual(names, ['eager'])
    assert.equal(await generator, 6)
    assert.deepEqual(names, ['eager', 'eager'])
  })
  const events: string[] = []
  const task = createTask(
    async () => {
      events.push('first step')
    },
    { eagerStart: true },
  )
  events.push('created')
  await task
  assert.deepEqual(events, ['first step', 'created'])
})
