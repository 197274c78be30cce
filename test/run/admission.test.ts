// Which tasks may be made in the grace of a soft shutdown: the work of draining tasks, no other.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import {
  allTasks,
  createTask,
  currentTask,
  ensureFuture,
  gather,
  getRunningLoop,
  openConnection,
  run,
  shield,
  sleep,
  startServer,
  Task,
  taskGroup,
  wait,
  wrap,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, rejectionOf, thrownBy } from '../thrown.js'

const shutdown = { graceMs: 100 }
const refused = { code: 'ERR_SHUTTING_DOWN' }

/** A coroutine that says how it ended, and when. */
function* worker(events: string[], name: string, ms: number) {
  try {
    yield* sleep(ms)
    events.push(`${name} finished at ${getRunningLoop().time()}`)
  } catch (error) {
    events.push(`${name} cancelled at ${getRunningLoop().time()}`)
    throw error
  }
}

test('what is not the work of a draining task cannot be begun in the grace', async () => {
  const codes: unknown[] = []
  let begun = false
  function* never() {
    begun = true
    yield* sleep(0)
  }
  const refusedBy = (act: () => unknown) => codes.push(codeOf(thrownBy(act)))
  await runVirtual(
    async () => {
      const loop = getRunningLoop()
      createTask(() => sleep(50), { drain: true })
      createTask(async () => {
        await sleep(20)
        refusedBy(() => createTask(never))
        refusedBy(() => createTask(never(), { drain: true }))
        refusedBy(() => createTask(never, { eagerStart: true }))
        refusedBy(() => loop.createTask(never()))
        refusedBy(() => new Task(never))
        refusedBy(() => ensureFuture(never()))
        refusedBy(() => gather(never(), never))
        refusedBy(() => shield(never()))
        codes.push(codeOf(await rejectionOf(wait([never()]))))
        await taskGroup(async (group) => refusedBy(() => group.createTask(never())))
      })
      loop.callLater(30, () => refusedBy(() => createTask(never())))
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(codes, new Array(11).fill('ERR_SHUTTING_DOWN'))
  assert.equal(begun, false)
})

test('what is no new task works in the grace: futures, promises, sleeps, gathers of tasks', async () => {
  const results: unknown[] = []
  await runVirtual(
    async () => {
      const other = createTask(() => sleep(40, 'other'))
      createTask(() => sleep(50), { drain: true })
      createTask(async () => {
        await sleep(20)
        results.push(await sleep(1, 'slept'))
        results.push(await wrap(Promise.resolve('wrapped')))
        results.push(await gather(other, Promise.resolve('promise')))
        results.push(await shield(other))
      })
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(results, ['slept', 'wrapped', ['other', 'promise'], 'other'])
})

for (const kind of ['generator', 'async'] as const) {
  test(`a draining ${kind} task does its own work: children, and theirs`, async () => {
    const results: unknown[] = []
    function* grandchild(name: string) {
      yield* sleep(5)
      return name
    }
    const child = async (name: string) => {
      await sleep(5)
      return await createTask(() => grandchild(name))
    }
    function* generatorWork() {
      yield* sleep(20)
      results.push(yield* gather(() => child('a'), grandchild('b')))
      results.push(yield* createTask(() => child('c')))
    }
    const asyncWork = async () => {
      await sleep(20)
      results.push(await gather(() => child('a'), grandchild('b')))
      results.push(await createTask(() => child('c')))
    }
    await runVirtual(
      async () => {
        createTask(kind === 'generator' ? generatorWork : asyncWork, { drain: true })
        await sleep(10)
      },
      { shutdown },
    )
    assert.deepEqual(results, [['a', 'b'], 'c'])
  })
}

test('a draining task may make tasks that drain in the grace: it goes on for them', async () => {
  const events: string[] = []
  await runVirtual(
    async () => {
      createTask(
        async () => {
          await sleep(20)
          createTask(worker(events, 'late', 30), { drain: true })
          createTask(worker(events, 'helper', 40))
        },
        { drain: true },
      )
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(events, ['late finished at 50', 'helper cancelled at 50'])
})

test('the child that a draining task made before the grace may make tasks in it', async () => {
  let result: unknown
  await runVirtual(
    async () => {
      createTask(
        async () => {
          result = await createTask(async () => {
            await sleep(20)
            return await createTask(() => sleep(5, 'made'))
          })
        },
        { drain: true },
      )
      await sleep(10)
    },
    { shutdown },
  )
  assert.equal(result, 'made')
})

for (const debug of [false, true]) {
  test(`what was given to a gather before the grace still begins in it, debug ${debug}`, async () => {
    const events: string[] = []
    await runVirtual(
      async () => {
        createTask(() => sleep(60), { drain: true })
        gather([worker(events, 'a', 20), worker(events, 'b', 20)], { limit: 1 })
        await sleep(10)
      },
      { shutdown, debug },
    )
    assert.deepEqual(events, ['a finished at 20', 'b finished at 40'])
  })
}

test('a task that does not drain can still connect and look up names in the grace', async () => {
  const outside = createServer((socket) => socket.end('hello\n')).listen(0, '127.0.0.1')
  await once(outside, 'listening')
  const { port } = outside.address() as AddressInfo
  const heard: string[] = []
  await run(
    async () => {
      const { drainSignal } = getRunningLoop()
      const begins = once(drainSignal, 'abort')
      const pool = createTask(async () => {
        await begins
        await getRunningLoop().getaddrinfo('127.0.0.1', port)
        const { reader, writer } = await openConnection('127.0.0.1', port)
        heard.push(String(await reader.readline()))
        writer.close()
        await writer.waitClosed()
        await assert.rejects(startServer(async () => {}, '127.0.0.1', 0).then(), refused)
      })
      createTask(async () => await shield(pool), { drain: true })
      await sleep(1)
    },
    { shutdown: { graceMs: 30_000 } },
  )
  outside.close()
  assert.deepEqual(heard, ['hello\n'])
})

test('a child of a draining gather may make tasks in its first step', async () => {
  const results: unknown[] = []
  function* child(name: string) {
    return yield* createTask(() => sleep(1, name))
  }
  await runVirtual(
    function* () {
      createTask(
        function* () {
          yield* sleep(20)
          results.push(yield* gather(child('a'), child('b')))
        },
        { drain: true },
      )
      yield* sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(results, [['a', 'b']])
})

test('cleaning up after the grace may make tasks, as in asyncio', async () => {
  let cleaned: unknown
  await runVirtual(
    async () => {
      createTask(() => sleep(20), { drain: true })
      createTask(async () => {
        try {
          await sleep(1000)
        } finally {
          cleaned = await createTask(() => sleep(5, 'cleaned'))
        }
      })
      await sleep(10)
    },
    { shutdown },
  )
  assert.equal(cleaned, 'cleaned')
})

test('a refused task leaves nothing behind', async () => {
  await runVirtual(
    async () => {
      createTask(() => sleep(50), { drain: true })
      createTask(async () => {
        const own = currentTask()
        await sleep(20)
        const before = allTasks().size
        assert.throws(() => createTask(sleep(0)), { code: 'ERR_SHUTTING_DOWN' })
        assert.equal(allTasks().size, before)
        assert.ok(allTasks().has(own as Task))
      })
      await sleep(10)
    },
    { shutdown },
  )
})
