// A child of a gather that ends in its first step becomes a task only if somebody asks for it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  type Coroutine,
  createTask,
  currentTask,
  type Future,
  gather,
  getRunningLoop,
  KeyboardInterrupt,
  newEventLoop,
  sleep,
  type Task,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

function* give<T>(value: T): Coroutine<T> {
  return value
}

test('a child that asks for its task in its first step gets one, the same ever after', async () => {
  await runVirtual(function* () {
    function* asks(): Coroutine<[Task, Task, Task]> {
      const first = currentTask()!
      const again = currentTask()!
      yield* sleep(0)
      return [first, again, currentTask()!]
    }
    const [tasks, , number] = yield* gather(asks(), give(1), asksAndEnds())
    function* asksAndEnds(): Coroutine<Task> {
      return currentTask()!
    }
    assert.equal(new Set(tasks).size, 1)
    assert.equal(tasks[0].result(), tasks)
    assert.equal(number.result(), number)
    const numbers = [tasks[0], number].map((task) => Number(task.getName().slice(5)))
    assert.equal(numbers[1]! - numbers[0]!, 2)
  })
})

test('a child that lists the tasks in its first step finds itself and the children behind it', async () => {
  await runVirtual(function* () {
    function* lists(): Coroutine<string[]> {
      return [...allTasks()].map((task) => task.getName())
    }
    const main = currentTask()!.getName()
    const number = Number(main.slice(5))
    const [, names] = yield* gather(give(1), lists(), give(2))
    assert.deepEqual(names, [main, `Task-${number + 2}`, `Task-${number + 3}`])
  })
})

test('those that ended before stay away when a child asks for its task, and then for all', async () => {
  await runVirtual(function* () {
    function* lists(): Coroutine<string[]> {
      const names = [currentTask()!.getName()]
      for (const task of allTasks()) names.push(task.getName())
      return names
    }
    const main = currentTask()!.getName()
    const [second, third] = [2, 3].map((place) => `Task-${Number(main.slice(5)) + place}`)
    const [, names, one] = yield* gather(give(0), lists(), give(1))
    assert.deepEqual(names, [second, main, second, third])
    assert.equal(one, 1)
  })
})

test('a child that cancels itself in its first step ends cancelled, waiting or not', async () => {
  await runVirtual(function* () {
    const seen: string[] = []
    function* returns(): Coroutine<string> {
      currentTask()!.cancel('self')
      return 'ignored'
    }
    function* waits(): Coroutine<void> {
      currentTask()!.cancel('self')
      try {
        yield* sleep(10)
      } finally {
        seen.push('unwound')
      }
    }
    const outcomes = yield* gather([returns(), waits(), give(3)], { returnExceptions: true })
    assert.deepEqual(
      outcomes.map((outcome) => (outcome instanceof Error ? outcome.name : outcome)),
      ['CancelledError', 'CancelledError', 3],
    )
    assert.deepEqual(seen, ['unwound'])
  })
})

test('a child that cancels its gather in its first step is cancelled too, like the others', async () => {
  await runVirtual(function* () {
    const log: string[] = []
    let gathered: Future<unknown> | null = null
    function* early(): Coroutine<void> {
      log.push('early')
    }
    function* cancels(): Coroutine<void> {
      gathered!.cancel('enough')
      log.push('cancels')
      try {
        yield* sleep(10)
      } catch (error) {
        log.push((error as Error).name)
        throw error
      }
    }
    function* late(): Coroutine<void> {
      log.push('late')
    }
    gathered = gather(early(), cancels(), late())
    try {
      yield* gathered
    } catch (error) {
      log.push(`gather: ${(error as Error).name}`)
    }
    assert.deepEqual(log, ['early', 'cancels', 'CancelledError', 'gather: CancelledError'])
  })
})

test('a child that fails in its first step fails the gather; the children behind it still run', async () => {
  await runVirtual(function* () {
    const log: string[] = []
    function* fails(): Coroutine<never> {
      throw new Error('at once')
    }
    function* logs(): Coroutine<void> {
      log.push('ran')
    }
    const gathered = gather(logs(), fails(), logs())
    try {
      yield* gathered
      assert.fail('must throw')
    } catch (error) {
      assert.equal((error as Error).message, 'at once')
    }
    assert.deepEqual(log, ['ran', 'ran'])
  })
})

test('callbacks that children schedule in their first steps run in between their countings', async () => {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    const log: string[] = []
    function* schedules(name: string): Coroutine<void> {
      loop.callSoon(() => log.push(`${name}: ${gathered.done()}`))
    }
    const gathered = gather(schedules('a'), give(1), give(2), schedules('b'))
    gathered.addDoneCallback(() => log.push('done'))
    loop.callSoon(() => loop.callSoon(() => log.push(`next turn: ${gathered.done()}`)))
    yield* gathered
    assert.deepEqual(log, ['a: false', 'b: false', 'next turn: true', 'done'])
  })
})

test('a step inside the first step of a child, by eagerStart, has a task of its own', async () => {
  await runVirtual(function* () {
    function* outer(): Coroutine<[Task, Task]> {
      const inner = createTask(who(), { eagerStart: true })
      return [inner.result(), currentTask()!]
    }
    function* who(): Coroutine<Task> {
      return currentTask()!
    }
    const [[inner, own]] = yield* gather(outer(), give(1))
    assert.notEqual(inner, own)
    assert.equal((own.result() as [Task, Task])[1], own)
  })
})

test('a KeyboardInterrupt in a first step leaves the other children for the next run', async () => {
  const loop = newEventLoop()
  try {
    const log: string[] = []
    const gathered: Future<unknown[]>[] = []
    function* logs(name: string): Coroutine<string> {
      log.push(name)
      return name
    }
    function* interrupts(): Coroutine<never> {
      throw new KeyboardInterrupt()
    }
    function* main(): Coroutine<void> {
      const children = [logs('a'), interrupts(), logs('b'), logs('c')]
      gathered.push(gather(children, { returnExceptions: true }))
      yield* sleep(1)
    }
    await assert.rejects(loop.runUntilComplete(main()), KeyboardInterrupt)
    assert.deepEqual(log, ['a'])
    const outcomes = await loop.runUntilComplete(gathered[0]!)
    assert.deepEqual(log, ['a', 'b', 'c'])
    assert.equal(outcomes[0], 'a')
    assert.ok(outcomes[1] instanceof KeyboardInterrupt)
  } finally {
    loop.close()
  }
})

test('generators given twice give their result twice, among others that give nothing', async () => {
  await runVirtual(function* () {
    const [one, none] = [give(1), give(undefined)]
    assert.deepEqual(yield* gather(one, none, one, none), [1, undefined, 1, undefined])
  })
})

test('an iterator that is no generator, given twice, runs once', async () => {
  await runVirtual(function* () {
    let steps = 0
    const iterator = {
      next: () => ({ done: true, value: ++steps }),
      throw(error: unknown) {
        throw error
      },
    } as unknown as Coroutine<number>
    assert.deepEqual(yield* gather(iterator, give(0), iterator), [1, 0, 1])
    assert.equal(steps, 1)
  })
})

test('an object whose next() gives no step makes its child fail, and nothing else', async () => {
  await runVirtual(function* () {
    const broken = { next: () => null, throw: () => null } as unknown as Coroutine<void>
    const outcomes = yield* gather([broken, give(2)], { returnExceptions: true })
    assert.ok(outcomes[0] instanceof TypeError)
    assert.equal(outcomes[1], 2)
    assert.equal(currentTask()!.done(), false)
  })
})

test('a task that starts eagerly in a first step, and asks for all, leaves both who they are', async () => {
  const nameHere = () => currentTask()?.getName()
  await runVirtual(async () => {
    const log: unknown[] = []
    function* child(): Coroutine<void> {
      const made = createTask(
        async () => {
          const names = [...allTasks()].map((task) => task.getName())
          log.push(['eager', nameHere(), names.includes(`${nameHere()}`)])
        },
        { eagerStart: true, name: 'eager' },
      )
      const own = nameHere()
      yield* sleep(1)
      log.push(['child', own === nameHere(), own !== 'eager', own !== undefined])
      yield* made
    }
    await gather(child(), child())
    const eager = ['eager', 'eager', true]
    const itself = ['child', true, true, true]
    assert.deepEqual(log, [eager, eager, itself, itself])
    assert.equal(nameHere(), currentTask()?.getName())
  })
})
