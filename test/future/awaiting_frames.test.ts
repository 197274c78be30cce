// An error that crosses tasks shows who waited for it: `at async …` frames behind its own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  asCompleted,
  CancelledError,
  type Coro,
  createTask,
  Future,
  gather,
  run,
  shield,
  sleep,
  taskGroup,
  timeout,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

function* failingGenerator() {
  yield* sleep(1)
  throw new Error('boom')
}

async function failingFunction() {
  await sleep(1)
  throw new Error('boom')
}

/** The frames that were added to the stack of what `main` fails with, without places in this file's. */
async function framesOf(main: Coro<unknown>): Promise<string[]> {
  return asyncFrames(await rejectionOf(runVirtual(main)))
}

function asyncFrames(error: unknown): string[] {
  const lines = String((error as Error).stack).split('\n')
  const own = lines.filter((line) => /^\s+at async .*awaiting_frames/.test(line))
  return own.map((line) => line.trim().split(' ')[2] as string)
}

for (const failing of [failingGenerator, failingFunction]) {
  test(`a generator that waits for ${failing.name} is on its stack, with its callers`, async () => {
    function* inner() {
      return yield* createTask(failing)
    }
    function* outer() {
      return yield* inner()
    }
    assert.deepEqual((await framesOf(outer)).slice(0, 2), ['inner', 'outer'])
  })

  test(`an async function that awaits ${failing.name} is on its stack, with its callers`, async () => {
    async function inner() {
      return await createTask(failing)
    }
    async function outer() {
      return await inner()
    }
    assert.deepEqual((await framesOf(outer)).slice(0, 2), ['inner', 'outer'])
  })

  test(`${failing.name} through several tasks shows each that waits, the nearest first`, async () => {
    async function first() {
      return await createTask(failing)
    }
    function* second() {
      return yield* createTask(first)
    }
    async function third() {
      return await createTask(second())
    }
    assert.deepEqual((await framesOf(third)).slice(0, 3), ['first', 'second', 'third'])
  })

  test(`${failing.name} through gather, shield, waitFor and asCompleted`, async () => {
    async function viaGather() {
      return await gather(failing, sleep(5))
    }
    function* viaGatherToo() {
      return yield* gather(failing, sleep(5))
    }
    async function viaShield() {
      return await shield(createTask(failing))
    }
    async function viaWaitFor() {
      return await waitFor(createTask(failing), 100)
    }
    function* viaCompletion() {
      for (const next of asCompleted([createTask(failing)])) yield* next
    }
    async function viaCompletionToo() {
      for await (const future of asCompleted([createTask(failing)])) future.result()
    }
    for (const main of [viaGather, viaGatherToo, viaShield, viaWaitFor, viaCompletion]) {
      assert.equal((await framesOf(main))[0], main.name)
    }
    assert.equal((await framesOf(viaCompletionToo))[0], 'viaCompletionToo')
  })
}

test('who waits for an operation that fails is on the stack of its error', async () => {
  async function viaGroup() {
    return await taskGroup(async (group) => {
      group.createTask(failingFunction)
    })
  }
  async function viaTimeout() {
    return await timeout(5, () => sleep(100))
  }
  assert.equal((await framesOf(viaGroup))[0], 'viaGroup')
  assert.equal((await framesOf(viaTimeout))[0], 'viaTimeout')
})

test('the caller of run is on the stack', async () => {
  async function program() {
    return await run(failingGenerator)
  }
  const error = await rejectionOf(program())
  assert.ok(asyncFrames(error).includes('program'), (error as Error).stack)
})

test('the error stays what it is: the same object, message, and first frames', async () => {
  const failure = new RangeError('the message')
  const before = failure.stack as string
  async function waits() {
    await createTask(async () => {
      throw failure
    })
  }
  const error = await rejectionOf(runVirtual(waits))
  assert.equal(error, failure)
  assert.equal(failure.message, 'the message')
  assert.ok(failure.stack?.startsWith(`${before}\n    at async waits`), failure.stack)
  assert.deepEqual(Object.keys(failure), [])
})

test('a place is added once, however often the error is thrown there', async () => {
  async function waits(task: PromiseLike<unknown>) {
    return await rejectionOf(task)
  }
  await runVirtual(async () => {
    const task = createTask(failingGenerator)
    let stack = ''
    for (let i = 0; i < 3; i++) {
      const error = (await waits(task)) as Error
      if (i > 0) assert.equal(error.stack, stack)
      stack = error.stack as string
    }
    assert.equal(stack.split('at async waits').length, 1 + 1)
  })
})

test('an error that very many wait for has a stack of some length, and no more', async () => {
  await runVirtual(async () => {
    const task = createTask(failingGenerator)
    const waiters = Array.from({ length: 50 }, (_, index) => {
      const name = `waiter${index}`
      const named = { [name]: async () => await task }
      return named[name] as () => Promise<void>
    })
    await gather(waiters, { returnExceptions: true })
    const stack = (task.exception() as Error).stack as string
    assert.match(stack, /at async waiter0 /)
    assert.ok(stack.split('\n').length < 120, stack)
  })
})

test('frozen errors, errors with a stack of their own, and what is no error pass unharmed', async () => {
  class Quiet extends Error {
    override get stack(): string {
      return 'none of your business'
    }
  }
  const loud = Object.defineProperty(new Error('loud'), 'stack', {
    get() {
      throw new Error('from the getter')
    },
  })
  const things = [Object.freeze(new Error('frozen')), new Quiet('quiet'), loud, 'text', null, 5]
  for (const thing of things) {
    const main = async () => {
      await createTask(async () => {
        throw thing
      })
    }
    assert.equal(await rejectionOf(runVirtual(main)), thing)
    const generator = function* () {
      const future = new Future()
      future.setException(thing)
      yield* future
    }
    assert.equal(await rejectionOf(runVirtual(generator)), thing)
  }
})

test('a cancellation gets no frames: it is no failure', async () => {
  await runVirtual(async () => {
    const task = createTask(() => sleep(100))
    await sleep(1)
    task.cancel()
    const error = await rejectionOf(task)
    assert.ok(error instanceof CancelledError)
    assert.deepEqual(asyncFrames(error), [])
  })
})

test('Error.stackTraceLimit holds, and is left as it was', async () => {
  const limit = Error.stackTraceLimit
  function* deep(depth: number): Generator<Future<unknown>, void, unknown> {
    if (depth > 0) yield* deep(depth - 1)
    else yield* createTask(failingGenerator)
  }
  try {
    for (const [some, expected] of [
      [3, 3],
      [0, 0],
    ] as const) {
      Error.stackTraceLimit = some
      // The limit is that of each place; what waits for main adds its own.
      const error = await runVirtual(function* () {
        const failed = createTask(deep(20))
        yield* sleep(10)
        return failed.exception()
      })
      assert.equal(asyncFrames(error).length, expected)
      assert.equal(Error.stackTraceLimit, some)
    }
  } finally {
    Error.stackTraceLimit = limit
  }
})

test('then and catch with functions of one’s own get the error, and give what they return', async () => {
  await runVirtual(async () => {
    const task = createTask(failingGenerator)
    assert.equal(await task.then(undefined, (error: Error) => error.message), 'boom')
    assert.equal(await task.catch((error: Error) => error.message), 'boom')
    const pending = createTask(failingGenerator)
    assert.equal(await pending.then(undefined, (error: Error) => error.message), 'boom')
    const other = new Error('from the handler')
    const again = createTask(failingGenerator)
    const handler = () => {
      throw other
    }
    assert.equal(await rejectionOf(again.then(undefined, handler)), other)
    const passed = createTask(failingGenerator)
    assert.equal(await rejectionOf(passed.then(handler)), passed.exception())
  })
})

// The last, as it uses up what a second allows.
test('where errors come by the thousand, not every one is given frames', async () => {
  await runVirtual(function* () {
    let longer = 0
    function* waits() {
      try {
        yield* createTask(failingGenerator)
      } catch (error) {
        if (asyncFrames(error).includes('waits')) longer++
      }
    }
    for (let i = 0; i < 2000; i++) yield* waits()
    assert.ok(longer < 2000, `${longer} of 2000`)
  })
})
