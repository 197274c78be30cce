// DeadlockError: instead of a silent exit, who waits on what. At once on a virtual clock; on a real one
// when Node finds that nothing is left that could bring an event.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  DeadlockError,
  Future,
  gather,
  sleep,
  type Task,
  timeout,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { runProgram } from '../program.js'
import { rejectionOf } from '../thrown.js'

async function deadlockOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejectionOf(promise)
  assert.ok(error instanceof DeadlockError, `${error}`)
  assert.equal(error.code, 'ERR_DEADLOCK')
  return error.message
}

test('a main that waits for a future that nobody completes', async () => {
  const generator = function* () {
    yield* new Future()
  }
  const asynchronous = async () => {
    await new Future()
  }
  for (const main of [generator, asynchronous]) {
    const message = await deadlockOf(runVirtual(main, { name: 'main' }))
    assert.match(message, /nothing can ever wake the main task/)
    assert.match(message, /main: <Task pending name='main' .* waits on <Future pending/)
  }
})

test('the message shows the graph: each task and what it waits on, main first', async () => {
  const message = await deadlockOf(
    runVirtual(
      function* () {
        const lock = new Future()
        const worker = createTask(
          async () => {
            await lock
          },
          { name: 'worker' },
        )
        const chief = createTask(
          function* () {
            yield* worker
          },
          { name: 'chief' },
        )
        yield* sleep(100)
        yield* chief
      },
      { name: 'main' },
    ),
  )
  const lines = message.split('\n').slice(1)
  assert.deepEqual(
    lines.map((line) => line.trim().split(':')[0]),
    ['main', 'worker', 'chief'],
  )
  assert.match(lines[0] as string, /waits on chief$/)
  assert.match(lines[1] as string, /waits on <Future pending cb=\[<await>\]>$/)
  assert.match(lines[2] as string, /waits on worker$/)
})

test('tasks that wait for one another are a deadlock that ends, with their finally blocks', async () => {
  for (const kinds of ['generators', 'async', 'mixed', 'gather']) {
    const events: string[] = []
    const tasks: Task<unknown>[] = []
    const generator = (other: number) =>
      function* () {
        try {
          if (kinds === 'gather') yield* gather([tasks[other] as Task<unknown>])
          else yield* tasks[other] as Task<unknown>
        } finally {
          events.push(`${other}`)
        }
      }
    const asynchronous = (other: number) => async () => {
      try {
        await tasks[other]
      } finally {
        events.push(`${other}`)
      }
    }
    const message = await deadlockOf(
      runVirtual(async () => {
        const first = kinds === 'async' ? asynchronous(1) : generator(1)
        const second = kinds === 'async' || kinds === 'mixed' ? asynchronous(0) : generator(0)
        tasks.push(createTask(first, { name: 'chicken' }), createTask(second, { name: 'egg' }))
        await tasks[0]
      }),
    )
    assert.match(message, /waits on chicken/, kinds)
    if (kinds !== 'gather') assert.match(message, /chicken: .* waits on egg/, kinds)
    assert.deepEqual(events.sort(), ['0', '1'], kinds)
  }
})

test('main is cancelled by its own deadlock, and may clean up', async () => {
  const events: string[] = []
  await deadlockOf(
    runVirtual(async () => {
      try {
        await new Future()
      } catch (error) {
        events.push((error as Error).constructor === CancelledError ? 'cancelled' : `${error}`)
        await sleep(5)
        events.push('cleaned up')
      }
    }),
  )
  assert.deepEqual(events, ['cancelled', 'cleaned up'])
})

test('a generator main that waits for an async body is seen to be stuck at once', async () => {
  const beforeExit = once(process, 'beforeExit').then(() => assert.fail('found by the end of Node'))
  const message = await Promise.race([
    beforeExit,
    deadlockOf(
      runVirtual(function* () {
        yield* timeout(null, async () => await new Future<void>())
      }),
    ),
  ])
  assert.match(message, /main task/)
})

test('a promise from outside is no deadlock on the virtual clock', async () => {
  const outside = () => new Promise<string>((resolve) => setTimeout(() => resolve('came'), 5))
  assert.equal(await runVirtual(async () => await outside()), 'came')
  assert.equal(
    await runVirtual(async () => {
      const task = createTask(outside)
      return await task
    }),
    'came',
  )
  assert.equal(await runVirtual(() => gather(outside)).then(([first]) => first), 'came')
})

test('on the real clock run rejects with it instead of letting the process exit', async () => {
  const bodies = {
    generator: 'function* () { yield* new Future() }',
    async: 'async () => { await new Future() }',
    promise: 'async () => { await new Promise(() => {}) }',
  }
  for (const body of Object.values(bodies)) {
    const end = await runProgram(`
      import { Future, run } from 'gyre'
      const main = ${body}
      try {
        await run(main, { name: 'main' })
      } catch (error) {
        console.log(error.code, error.message.includes('main: <Task pending'))
      }
    `)
    assert.deepEqual([end.code, end.stdout], [0, 'ERR_DEADLOCK true\n'], body)
    // A promise of nobody's cannot be interrupted: its task is still pending when the loop closes.
    if (body === bodies.promise) assert.match(end.stderr, /^Task was destroyed but it is pending!/)
    else assert.equal(end.stderr, '')
  }
})

test('uncaught, it ends the process with its message', async () => {
  const end = await runProgram(`
    import { Future, run } from 'gyre'
    await run(async () => { await new Future() }, { name: 'main' })
  `)
  assert.equal(end.code, 1)
  assert.match(end.stderr, /DeadlockError: deadlock: nothing can ever wake the main task/)
})

test('a long wait is no deadlock: timers, Node’s own and those of the loop, keep main alive', async () => {
  const end = await runProgram(`
    import { run, sleep, wrap } from 'gyre'
    await run(async () => {
      await sleep(30)
      await new Promise((resolve) => setTimeout(resolve, 30))
      await wrap(new Promise((resolve) => setTimeout(resolve, 30)))
      console.log('fine')
    })
  `)
  assert.deepEqual([end.code, end.stdout, end.stderr], [0, 'fine\n', ''])
})
