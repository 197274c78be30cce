// Bad input: each mistake is an error of the right class with a stable code, its message says what to
// do, and nothing else that runs is disturbed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  asCompleted,
  asyncGenerator,
  createTask,
  currentTask,
  ensureFuture,
  every,
  Future,
  gather,
  getRunningLoop,
  newEventLoop,
  Queue,
  RuntimeError,
  run,
  StreamReader,
  shield,
  sleep,
  Task,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'

/** Runs `main` beside a bystander, which must not notice. */
async function besideABystander(main: () => Promise<void>): Promise<void> {
  let count = 0
  await runVirtual(async () => {
    const bystander = createTask(async () => {
      for (let i = 0; i < 20; i++) {
        await sleep(1)
        count++
      }
    })
    await main()
    await bystander
  })
  assert.equal(count, 20)
}

test('what is not a loop is a TypeError wherever one is given', async () => {
  await besideABystander(async () => {
    for (const loop of [5, 'loop', null, {}] as never[]) {
      const message = /The "(options\.)?loop" argument must be an EventLoop/
      const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message }
      assert.throws(() => new Future(loop), refusal)
      assert.throws(() => new Task(async () => {}, {}, loop), refusal)
      assert.throws(() => allTasks(loop), refusal)
      if (loop === null) continue
      assert.throws(() => ensureFuture(async () => {}, { loop }), refusal)
      assert.throws(() => new StreamReader({ loop }), refusal)
    }
  })
})

const NO_COROUTINES = [5, 'text', null, undefined, {}, [], true, Symbol('s'), 5n]

test('what is not a coroutine is a TypeError that says what is one', async () => {
  await besideABystander(async () => {
    for (const value of NO_COROUTINES) {
      assert.throws(
        // @ts-expect-error not a coroutine
        () => createTask(value),
        {
          name: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
          message: /must be a coroutine: a generator object, a promise, a future, or a function/,
        },
        `${String(value)}`,
      )
    }
  })
  for (const value of NO_COROUTINES) {
    // @ts-expect-error not a coroutine
    assert.equal(codeOf(await rejectionOf(run(value))), 'ERR_INVALID_ARG_TYPE')
    // @ts-expect-error not a coroutine
    assert.equal(codeOf(await rejectionOf(runVirtual(value))), 'ERR_INVALID_ARG_TYPE')
  }
})

test('a function that returns no coroutine fails its task with a TypeError that names it', async () => {
  await besideABystander(async () => {
    function addUp() {
      return 2
    }
    // @ts-expect-error a function that gives a number
    const error = await rejectionOf(createTask(addUp))
    assert.ok(error instanceof TypeError)
    assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE')
    assert.match(error.message, /the function addUp must return one.*Received type number \(2\)/)
  })
})

test('yield without its star says to write yield*', async () => {
  await besideABystander(async () => {
    const mistakes: [() => Generator<Future<unknown>, unknown, unknown>, RegExp][] = [
      [
        function* () {
          yield sleep(1)
        },
        /write `yield\* future`/,
      ],
      [
        function* () {
          yield createTask(async () => {}) as Future<unknown>
        },
        /write `yield\* future`/,
      ],
      [
        function* () {
          yield (function* () {})() as never
        },
        /write `yield\* coroutine\(\)`/,
      ],
      [
        function* () {
          yield Promise.resolve() as never
        },
        /`yield\* wrap\(promise\)` for a promise/,
      ],
      [
        function* () {
          yield waitFor(sleep(1), 5) as never
        },
        /write `yield\* coroutine\(\)`/,
      ],
    ]
    for (const [body, message] of mistakes) {
      const error = await rejectionOf(createTask(body))
      assert.ok(error instanceof RuntimeError)
      assert.equal(error.code, 'ERR_YIELD_WITHOUT_STAR')
      assert.match(error.message, message)
    }
  })
})

test('a task can catch its bad yield and go on', async () => {
  await besideABystander(async () => {
    const result = await createTask(function* (): Generator<Future<unknown>, unknown, unknown> {
      try {
        yield sleep(1)
      } catch (error) {
        return yield* sleep(2, codeOf(error))
      }
      return 'no error'
    })
    assert.equal(result, 'ERR_YIELD_WITHOUT_STAR')
  })
})

test('a yield of anything else is a bad yield that shows the value', async () => {
  await besideABystander(async () => {
    for (const value of [5, 'text', null, {}]) {
      const error = await rejectionOf(
        createTask(function* () {
          yield value as never
        }),
      )
      assert.equal(codeOf(error), 'ERR_BAD_YIELD')
      assert.match(`${messageOf(error)}`, /Task got bad yield/)
    }
  })
})

test('a task that waits for itself is an error in it, in both kinds', async () => {
  await besideABystander(async () => {
    const generator: Task<void> = createTask(function* () {
      yield* generator
    })
    const asynchronous: Task<void> = createTask(async () => {
      await asynchronous
    })
    for (const task of [generator, asynchronous]) {
      const error = await rejectionOf(task)
      assert.ok(error instanceof RuntimeError)
      assert.equal(error.code, 'ERR_AWAIT_SELF')
      assert.match(error.message, /cannot await on itself/)
    }
  })
})

test('a future of another loop is an error in who waits for it, in both kinds', async () => {
  const other = newEventLoop()
  const foreign = other.createFuture<void>()
  await besideABystander(async () => {
    const tasks = [
      createTask(function* () {
        yield* foreign
      }),
      createTask(async () => {
        await foreign
      }),
    ]
    for (const task of tasks) {
      const error = await rejectionOf(task)
      assert.ok(error instanceof RuntimeError)
      assert.equal(error.code, 'ERR_WRONG_LOOP')
      assert.match(error.message, /attached to a different loop/)
    }
    assert.equal(foreign.done(), false)
  })
  other.close()
})

test('an operation that is waited for twice says how to share it', async () => {
  await besideABystander(async () => {
    const operation = waitFor(sleep(1), 5)
    await operation
    const inAsync = await rejectionOf(operation)
    const inGenerator = await createTask(function* () {
      try {
        yield* operation
        return null
      } catch (error) {
        return error
      }
    })
    for (const error of [inAsync, inGenerator]) {
      assert.ok(error instanceof RuntimeError)
      assert.equal(error.code, 'ERR_OPERATION_REUSED')
      assert.match(error.message, /wrap it in createTask to share it/)
    }
  })
})

test('a generator that ran already gives its task an end, not a crash', async () => {
  await besideABystander(async () => {
    function* once(): Generator<Future<unknown>, number, unknown> {
      yield* sleep(1)
      return 1
    }
    const generator = once()
    assert.equal(await createTask(generator), 1)
    assert.equal(await createTask(generator), undefined)
  })
})

test('the same generator in two tasks at once fails, and leaves the loop alive', async () => {
  await besideABystander(async () => {
    function* body(): Generator<Future<unknown>, number, unknown> {
      yield* sleep(1)
      yield* sleep(1)
      return 1
    }
    const generator = body()
    const outcomes = await Promise.allSettled([createTask(generator), createTask(generator)])
    assert.equal(outcomes.length, 2)
  })
})

test('run inside run, and runVirtual inside run, are refused', async () => {
  await besideABystander(async () => {
    for (const start of [run, runVirtual]) {
      const error = await rejectionOf(start(async () => {}))
      assert.ok(error instanceof RuntimeError)
      assert.equal(error.code, 'ERR_LOOP_RUNNING')
      assert.match(error.message, /cannot be called while an event loop is running/)
    }
  })
})

test('an async generator is no coroutine: a TypeError, and nobody steps it', async () => {
  await besideABystander(async () => {
    let steps = 0
    async function* numbers() {
      yield ++steps
    }
    const generators = [numbers, asyncGenerator(numbers)]
    for (const make of generators) {
      for (const take of [createTask, gather, ensureFuture, shield, run]) {
        const error = await rejectionOf(
          (async () => await (take as (coro: unknown) => PromiseLike<unknown>)(make()))(),
        )
        assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE', `${take.name}: ${error}`)
      }
      const error = await rejectionOf(createTask(make as never))
      assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE')
      assert.match(`${messageOf(error)}`, /the function numbers must return one.*AsyncGenerator/)
    }
    assert.equal(steps, 0)
  })
})

test('options, contexts and switches of a wrong kind are refused, nothing is started', async () => {
  let started = 0
  const coro = async () => {
    started++
  }
  const acts: readonly (() => unknown)[] = [
    () => createTask(coro, { context: {} } as never),
    () => createTask(coro, { context: null } as never),
    () => createTask(coro, { eagerStart: 1 } as never),
    () => createTask(coro, { drain: 1 } as never),
    () => new Task(coro, null as never),
    () => ensureFuture(coro, null as never),
    () => ensureFuture(coro, { context: 5 } as never),
    () => newEventLoop('fallback' as never),
    () => newEventLoop(null as never),
    () => wait([coro], 5 as never),
    () => wait([coro], null as never),
    () => asCompleted([coro], 5 as never),
    () => asCompleted([coro], null as never),
    () => gather([coro], 5 as never),
    () => gather([coro], { returnExceptions: 'yes' } as never),
    () => sleep(1, 2, 5 as never),
    () => sleep(1, 2, null as never),
    () => new Queue().shutdown(null as never),
    () => new Queue().shutdown({ immediate: 1 } as never),
    () => every(1, coro, { overlap: 1 } as never),
    () => currentTask()?.printStack(1, {} as never),
  ]
  await besideABystander(async () => {
    for (const act of acts) {
      const error = thrownBy(act)
      assert.ok(error instanceof TypeError, `${act}`)
      assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE', `${act}: ${error.message}`)
    }
    await sleep(5)
  })
  for (const options of [null, 5]) {
    assert.equal(codeOf(thrownBy(() => runVirtual(coro, options as never))), 'ERR_INVALID_ARG_TYPE')
  }
  assert.equal(started, 0)
})

test('a task factory that gives no future is told so', async () => {
  await besideABystander(async () => {
    const loop = getRunningLoop()
    loop.setTaskFactory((() => 5) as never)
    const error = thrownBy(() => createTask(async () => {}))
    loop.setTaskFactory(null)
    assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE')
  })
})

test('bad options are refused by name', async () => {
  await besideABystander(async () => {
    // @ts-expect-error options that are none
    assert.throws(() => createTask(async () => {}, 'fast'), { code: 'ERR_INVALID_ARG_TYPE' })
    // @ts-expect-error options that are none
    assert.throws(() => createTask(async () => {}, null), { code: 'ERR_INVALID_ARG_TYPE' })
  })
  const main = async () => {}
  // @ts-expect-error options that are none
  assert.equal(codeOf(await rejectionOf(run(main, 'fast'))), 'ERR_INVALID_ARG_TYPE')
  // @ts-expect-error a signal that is none
  assert.equal(codeOf(await rejectionOf(run(main, { signal: 5 }))), 'ERR_INVALID_ARG_TYPE')
  // @ts-expect-error a factory that is none
  assert.equal(codeOf(await rejectionOf(run(main, { loopFactory: 5 }))), 'ERR_INVALID_ARG_TYPE')
  const noLoop = rejectionOf(
    // @ts-expect-error a factory of something else
    run(main, { loopFactory: () => ({}) }),
  )
  assert.equal(codeOf(await noLoop), 'ERR_INVALID_ARG_TYPE')
})

test('an exotic thenable, and one that throws, do no harm', async () => {
  await besideABystander(async () => {
    const failure = new Error('from then')
    const throwing = {
      // biome-ignore lint/suspicious/noThenProperty: a broken promise
      then() {
        throw failure
      },
    }
    assert.equal(await rejectionOf(createTask(throwing as PromiseLike<void>)), failure)
    const twice = {
      // biome-ignore lint/suspicious/noThenProperty: a broken promise
      then(resolve: (n: number) => void, reject: (error: unknown) => void) {
        resolve(1)
        reject(failure)
        resolve(2)
      },
    }
    assert.equal(await createTask(twice as unknown as PromiseLike<number>), 1)
    assert.ok(currentTask())
  })
})
