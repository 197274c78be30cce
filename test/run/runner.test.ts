// run and Runner: a fresh loop, the main task, and the order of what happens at the end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  allTasks,
  CancelledError,
  type Coroutine,
  createTask,
  currentTask,
  type EventLoop,
  type ExceptionContext,
  gather,
  getRunningLoop,
  newEventLoop,
  Queue,
  Runner,
  run,
  SystemExit,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, messageOf, rejectionOf } from '../thrown.js'

test('run gives the result of main and closes its loop', async () => {
  let loop: EventLoop | null = null
  const result = await run(async () => {
    loop = getRunningLoop()
    assert.equal(loop.isRunning(), true)
    return 'result'
  })
  assert.equal(result, 'result')
  assert.equal((loop as unknown as EventLoop).isClosed(), true)
})

test('run takes every kind of coroutine', async () => {
  function* generator() {
    yield* sleep(1)
    return 1
  }
  assert.equal(await run(generator), 1)
  assert.equal(await run(generator()), 1)
  assert.equal(await run(Promise.resolve(2)), 2)
  assert.equal(await run(async () => 3), 3)
})

test('run rejects with the error of main, and still cleans up', async () => {
  const events: string[] = []
  const failure = new Error('main failed')
  const error = await rejectionOf(
    run(async () => {
      createTask(async () => {
        try {
          await sleep(10_000)
        } finally {
          events.push('cleaned up')
        }
      })
      await sleep(1)
      throw failure
    }),
  )
  assert.equal(error, failure)
  assert.deepEqual(events, ['cleaned up'])
})

test('what is left is cancelled and waited for, then the loop is closed', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    const loop = getRunningLoop()
    for (const name of ['a', 'b']) {
      createTask(function* () {
        try {
          yield* sleep(1000)
        } finally {
          yield* sleep(name === 'a' ? 5 : 2)
          events.push(`${name} ended at ${loop.time()}, closed ${loop.isClosed()}`)
        }
      })
    }
    yield* sleep(1)
    events.push('main ended')
  })
  assert.deepEqual(events, [
    'main ended',
    'b ended at 3, closed false',
    'a ended at 6, closed false',
  ])
})

test('errors of what is left are reported to the exception handler', async () => {
  const contexts: ExceptionContext[] = []
  await runVirtual(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => contexts.push(context))
    createTask(async () => {
      try {
        await sleep(1000)
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: an error while cleaning up
        throw new Error('while cleaning up')
      }
    })
    await sleep(1)
  })
  assert.deepEqual(
    contexts.map(({ message }) => message),
    ['unhandled exception during run() shutdown'],
  )
  assert.equal(messageOf(contexts[0]?.exception), 'while cleaning up')
})

test('a task that is left behind in spite of its cancellation is reported as destroyed', async () => {
  const contexts: ExceptionContext[] = []
  const loop = newEventLoop()
  loop.setExceptionHandler((_loop, context) => contexts.push(context))
  const task = loop.createTask(() => sleep(10_000), { name: 'left' })
  await loop.runUntilComplete(() => sleep(1))
  loop.close()
  assert.equal(contexts.length, 1)
  assert.equal(contexts[0]?.message, 'Task was destroyed but it is pending!')
  assert.equal(contexts[0]?.task, task)
})

test('main has the name that was asked for', async () => {
  assert.equal(await run(async () => currentTask()?.getName(), { name: 'main' }), 'main')
})

test('debug is switched on in the loop of this run alone', async () => {
  assert.equal(await run(async () => getRunningLoop().getDebug(), { debug: true }), true)
  assert.equal(await run(async () => getRunningLoop().getDebug(), { debug: false }), false)
})

test('an AbortSignal cancels main with its reason', async () => {
  const reason = new Error('enough')
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 5)
  const error = await rejectionOf(run(() => sleep(60_000), { signal: controller.signal }))
  assert.ok(error instanceof CancelledError)
  assert.equal(error.reason, reason)
  const early = await rejectionOf(run(() => sleep(60_000), { signal: AbortSignal.abort(reason) }))
  assert.ok(early instanceof CancelledError)
})

test('loopFactory makes the loop', async () => {
  const made = newEventLoop({ clock: 'virtual' })
  assert.equal(await run(async () => getRunningLoop(), { loopFactory: () => made }), made)
  assert.equal(made.isClosed(), true)
})

test('a Runner runs several coroutines on one loop, and keeps tasks alive between them', async () => {
  const runner = new Runner()
  const loop = runner.getLoop()
  assert.equal(runner.getLoop(), loop)
  const task = await runner.run(async () => {
    const ticker = createTask(() => sleep(5, 'ticked'))
    return [ticker] as const
  })
  assert.equal(await runner.run(async () => await task[0]), 'ticked')
  assert.equal(await runner.run(async () => allTasks().size), 1)
  await runner.close()
  await runner.close()
  assert.equal(loop.isClosed(), true)
  assert.throws(() => runner.getLoop(), { code: 'ERR_RUNNER_CLOSED' })
  assert.equal(codeOf(await rejectionOf(runner.run(async () => {}))), 'ERR_RUNNER_CLOSED')
})

test('a Runner is disposed of by its asyncDispose, also when nothing ran', async () => {
  const idle = new Runner()
  await idle[Symbol.asyncDispose]()
  const runner = new Runner({ debug: true })
  const loop = await runner.run(async () => getRunningLoop())
  assert.equal(loop.getDebug(), true)
  await runner[Symbol.asyncDispose]()
  assert.equal(loop.isClosed(), true)
})

test('a Runner is not closed from inside, and goes on', async () => {
  const runner = new Runner()
  const code = await runner.run(async () => codeOf(await rejectionOf(runner.close())))
  assert.equal(code, 'ERR_LOOP_RUNNING')
  assert.equal(await runner.run(async () => 'still there'), 'still there')
  await runner.close()
})

test('options of the wrong kind are refused', async () => {
  const main = async () => {}
  for (const options of [null, 5, { debug: 'yes' }, { handleSignals: 'no' }]) {
    const error = await rejectionOf(run(main, options as never))
    assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE')
  }
  const runner = new Runner()
  for (const options of [null, 5]) {
    const error = await rejectionOf(runner.run(main, options as never))
    assert.equal(codeOf(error), 'ERR_INVALID_ARG_TYPE')
  }
})

test('a run that failed leaves the thread free for the next', async () => {
  const end = new SystemExit(3)
  for (const failure of [new Error('no'), end]) {
    const error = await rejectionOf(
      run(async () => {
        throw failure
      }),
    )
    assert.equal(error, failure)
  }
  assert.equal(await run(async () => 'fine'), 'fine')
})

test('runs one after another, many times, leave nothing behind', async () => {
  for (let i = 0; i < 300; i++) {
    assert.equal(
      await run(function* () {
        return yield* sleep(0, i)
      }),
      i,
    )
  }
})

test('a main that returns what nobody waited for is told so, and its end is an orderly one', async () => {
  const mains = [
    function* () {
      return sleep(60_000)
    },
    function* () {
      return new Queue().get()
    },
    function* () {
      return gather(sleep(1))
    },
  ]
  for (const main of mains) {
    for (const start of [run, runVirtual]) {
      const error = await rejectionOf(start(main as () => Coroutine<unknown>))
      assert.equal(codeOf(error), 'ERR_RESULT_UNAWAITED')
      assert.match(`${messageOf(error)}`, /return yield\*/)
    }
  }
  const done = await run(function* () {
    return yield* sleep(0, 'waited for')
  })
  assert.equal(done, 'waited for')
})
