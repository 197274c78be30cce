// The children of a gather that are made late: nobody can tell that they were not there before.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  type CancelledError,
  type Coroutine,
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  newEventLoop,
  setEventLoop,
  sleep,
  Task,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

function* nameOf(): Coroutine<string> {
  return currentTask()!.getName()
}

test('all tasks include the children of a gather before their first step, in order', async () => {
  await runVirtual(function* () {
    const before = createTask(nameOf(), { name: 'before' })
    const gathered = gather(nameOf(), nameOf())
    const behind = createTask(nameOf(), { name: 'behind' })
    const [main, ...others] = [...allTasks()]
    assert.equal(main, currentTask())
    assert.equal(others.length, 4)
    assert.equal(others[0], before)
    assert.equal(others[3], behind)
    const names = yield* gathered
    assert.deepEqual(
      others.slice(1, 3).map((task) => task.getName()),
      names,
    )
  })
})

test('children are numbered in the order of the arguments, before what is made later', async () => {
  const numbers = await runVirtual(function* () {
    const gathered = gather(nameOf(), nameOf())
    const later = createTask(nameOf())
    const names = [...(yield* gathered), yield* later]
    return names.map((name) => Number(name.slice('Task-'.length)))
  })
  const [first] = numbers as [number]
  assert.deepEqual(numbers, [first, first + 1, first + 2])
})

test('a child can be cancelled through allTasks before its first step, and never runs', async () => {
  await runVirtual(function* () {
    let ran = false
    const gathered = gather([nameOf(), hasRun()], { returnExceptions: true })
    function* hasRun(): Coroutine<void> {
      ran = true
    }
    const [, , second] = [...allTasks()] as [unknown, unknown, Task]
    second.cancel()
    const [name, error] = yield* gathered
    assert.match(String(name), /^Task-/)
    assert.equal((error as Error).name, 'CancelledError')
    assert.equal(ran, false)
  })
})

test('a repeated generator runs once, whatever its first step did', async () => {
  await runVirtual(function* () {
    let runs = 0
    function* ends(): Coroutine<number> {
      return ++runs
    }
    function* endsWithNothing(): Coroutine<void> {
      runs++
    }
    function* waits(): Coroutine<number> {
      runs++
      yield* sleep(5)
      return 5
    }
    function* fails(): Coroutine<never> {
      runs++
      throw new Error('once')
    }
    const [a, b, c, d] = [ends(), endsWithNothing(), waits(), fails()]
    const all = [a, a, b, b, c, c, d, d, a]
    const results = yield* gather(all, { returnExceptions: true })
    assert.equal(runs, 4)
    assert.deepEqual(results.slice(0, 6), [1, 1, undefined, undefined, 5, 5])
    assert.equal(results[6], results[7])
    assert.equal(results[8], 1)
  })
})

test('a repeated generator runs once under a limit', async () => {
  await runVirtual(function* () {
    let runs = 0
    function* step(x: number): Coroutine<number> {
      runs++
      if (x > 1) yield* sleep(x)
      return x
    }
    const [a, b] = [step(1), step(2)]
    assert.deepEqual(yield* gather([a, b, a, step(3), b, a], { limit: 1 }), [1, 2, 1, 3, 2, 1])
    assert.equal(runs, 3)
  })
})

test('a child that ends while another is about to be counted counts a turn later', async () => {
  const turns = await runVirtual(function* () {
    const loop = getRunningLoop()
    const [first, second] = [loop.createFuture<number>(), loop.createFuture<number>()]
    const gathered = gather(first, second)
    const done = loop.createFuture<number>()
    const { turns: begin } = loop.metrics()
    gathered.addDoneCallback(() => done.setResult(loop.metrics().turns - begin))
    loop.callSoon(() => second.setResult(2))
    first.setResult(1)
    return yield* done
  })
  // asyncio: first is counted in the turn in which second ends, which is counted in the one behind.
  assert.equal(turns, 3)
})

test('children that are cancelled together are outcomes in the order of the arguments', async () => {
  await runVirtual(function* () {
    const tasks = Array.from({ length: 6 }, (_, index) =>
      createTask(function* () {
        try {
          yield* sleep(60_000)
        } catch (error) {
          if (index === 2) return 'swallowed'
          if (index === 4) throw new Error('failed')
          throw error
        }
        return 'slept'
      }),
    )
    const gathered = gather(tasks, { returnExceptions: true })
    yield* sleep(0)
    for (const task of tasks) task.cancel(task === tasks[1] ? 'why' : undefined)
    const outcomes = yield* gathered
    const messages = outcomes.map((outcome) => (outcome as Error).message ?? outcome)
    const plain = 'cancelled'
    // asyncio's gather makes the error of a cancelled child anew, without the reason.
    assert.deepEqual(messages, [plain, plain, 'swallowed', plain, 'failed', plain])
    assert.equal((outcomes[0] as CancelledError).origin, tasks[0])
    assert.equal(new Set(outcomes).size, 6)
  })
})

test('a factory of tasks is called at once, for each distinct coroutine', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    let calls = 0
    loop.setTaskFactory((owner, coro, options) => {
      calls++
      return new Task(coro, { ...options, name: `made-${calls}` }, owner)
    })
    const twice = nameOf()
    const gathered = gather(twice, nameOf(), twice)
    assert.equal(calls, 2)
    assert.deepEqual(yield* gathered, ['made-1', 'made-2', 'made-1'])
    loop.setTaskFactory(null)
  })
})

test('a run that is stopped before the first steps cancels the children', async () => {
  const messages: string[] = []
  let ran = false
  function* child(): Coroutine<void> {
    ran = true
  }
  await assert.rejects(
    runVirtual(function* () {
      const loop = getRunningLoop()
      loop.setExceptionHandler((_loop, { message }) => messages.push(message))
      gather(child(), child())
      loop.stop()
      yield* sleep(1)
    }),
    { code: 'ERR_LOOP_STOPPED' },
  )
  assert.equal(ran, false)
  assert.ok(!messages.some((message) => message.startsWith('Task was destroyed')), String(messages))
})

test('a loop that closes before the first steps reports each child as pending', () => {
  const loop = newEventLoop()
  const messages: string[] = []
  loop.setExceptionHandler((_loop, { message }) => messages.push(message))
  setEventLoop(loop)
  gather(nameOf(), nameOf())
  loop.close()
  setEventLoop(null)
  assert.deepEqual(messages, Array(2).fill('Task was destroyed but it is pending!'))
})
