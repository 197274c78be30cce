// Soft shutdown: `run(main, { shutdown: { graceMs } })`. What drains may finish, new work is refused,
// then all is cancelled as at the end of any run.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createTask,
  type EventLoop,
  getRunningLoop,
  newEventLoop,
  Runner,
  run,
  sleep,
  taskGroup,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { codeOf, rejectionOf } from '../thrown.js'

const shutdown = { graceMs: 100 }

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

const asyncWorker = (events: string[], name: string, ms: number) => async () => {
  try {
    await sleep(ms)
    events.push(`${name} finished at ${getRunningLoop().time()}`)
  } catch (error) {
    events.push(`${name} cancelled at ${getRunningLoop().time()}`)
    throw error
  }
}

test('draining tasks finish within the grace; the others run on until then', async () => {
  const events: string[] = []
  await runVirtual(
    function* () {
      createTask(worker(events, 'drains', 50), { drain: true })
      createTask(asyncWorker(events, 'drains too', 40), { drain: true })
      createTask(worker(events, 'quick', 30))
      createTask(worker(events, 'slow', 80))
      yield* sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(events, [
    'quick finished at 30',
    'drains too finished at 40',
    'drains finished at 50',
    'slow cancelled at 50',
  ])
})

test('the grace ends all the same when its time is over', async () => {
  const events: string[] = []
  await runVirtual(
    async () => {
      createTask(worker(events, 'long', 500), { drain: true })
      createTask(asyncWorker(events, 'long too', 500), { drain: true })
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(events, ['long cancelled at 110', 'long too cancelled at 110'])
})

test('without anything that drains there is no grace, and with a grace of 0 none either', async () => {
  for (const [drain, graceMs] of [
    [false, 100],
    [true, 0],
  ] as const) {
    const events: string[] = []
    await runVirtual(
      async () => {
        createTask(worker(events, 'left', 50), { drain })
        await sleep(10)
      },
      { shutdown: { graceMs } },
    )
    assert.deepEqual(events, ['left cancelled at 10'])
  }
})

test('without the shutdown option, draining tasks are cancelled like all others', async () => {
  const events: string[] = []
  await runVirtual(async () => {
    createTask(worker(events, 'left', 50), { drain: true })
    await sleep(10)
  })
  assert.deepEqual(events, ['left cancelled at 10'])
})

test('the grace is granted when main fails, too, and run rejects with its error', async () => {
  const events: string[] = []
  const failure = new Error('main failed')
  const main = async () => {
    createTask(worker(events, 'drains', 50), { drain: true })
    await sleep(10)
    throw failure
  }
  assert.equal(await rejectionOf(runVirtual(main, { shutdown })), failure)
  assert.deepEqual(events, ['drains finished at 50'])
})

test('tasks of a group can drain', async () => {
  const events: string[] = []
  await runVirtual(
    async () => {
      createTask(() =>
        taskGroup(async (group) => {
          group.createTask(worker(events, 'of a group', 50), { drain: true })
        }),
      )
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(events, ['of a group finished at 50'])
})

test('drainSignal is aborted when the grace begins, so that a worker can stop taking jobs', async () => {
  const jobs: number[] = []
  let loop: EventLoop | null = null
  await runVirtual(
    async () => {
      loop = getRunningLoop()
      const { drainSignal } = loop
      assert.equal(drainSignal.aborted, false)
      assert.equal(loop.drainSignal, drainSignal)
      createTask(
        async () => {
          for (let i = 0; !drainSignal.aborted; i++) {
            await sleep(4)
            jobs.push(i)
          }
        },
        { drain: true },
      )
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(jobs, [0, 1, 2])
  const { drainSignal } = loop as unknown as EventLoop
  assert.equal(drainSignal.aborted, true)
  assert.equal(codeOf(drainSignal.reason), 'ERR_SHUTTING_DOWN')
})

test('main that ends the loop at once, by KeyboardInterrupt or SystemExit, has no grace', async () => {
  const { KeyboardInterrupt, SystemExit } = await import('gyre')
  for (const end of [new KeyboardInterrupt(), new SystemExit(2)]) {
    const events: string[] = []
    const main = async () => {
      createTask(worker(events, 'left', 50), { drain: true })
      await sleep(10)
      throw end
    }
    assert.equal(await rejectionOf(runVirtual(main, { shutdown })), end)
    assert.deepEqual(events, ['left cancelled at 10'])
  }
})

test('a Runner grants the grace when it is closed, not between its runs', async () => {
  const events: string[] = []
  const runner = new Runner({ shutdown, loopFactory: () => newEventLoop({ clock: 'virtual' }) })
  await runner.run(async () => {
    createTask(worker(events, 'drains', 50), { drain: true })
    await sleep(10)
  })
  await runner.run(async () => {
    createTask(worker(events, 'second', 60), { drain: true })
    await sleep(10)
    events.push(`main ended at ${getRunningLoop().time()}`)
  })
  await runner.close()
  assert.deepEqual(events, ['main ended at 20', 'drains finished at 50', 'second finished at 70'])
})

test('a runner that was never run, or is closed twice, grants nothing', async () => {
  const runner = new Runner({ shutdown })
  await runner.close()
  const used = new Runner({ shutdown })
  used.getLoop()
  await used.close()
  await used.close()
  assert.throws(() => used.getLoop(), { code: 'ERR_RUNNER_CLOSED' })
})

test('an error of a draining task is reported like any other', async () => {
  const messages: string[] = []
  await runVirtual(
    async () => {
      getRunningLoop().setExceptionHandler((_loop, { message }) => messages.push(message))
      createTask(
        async () => {
          await sleep(20)
          throw new Error('while draining')
        },
        { drain: true, name: 'drains' },
      )
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(messages, ['Task exception was never retrieved'])
})

test('a draining task that is cancelled in the grace ends it', async () => {
  const events: string[] = []
  await runVirtual(
    async () => {
      const task = createTask(worker(events, 'drains', 90), { drain: true })
      getRunningLoop().callLater(30, () => task.cancel())
      createTask(worker(events, 'other', 80))
      await sleep(10)
    },
    { shutdown },
  )
  assert.deepEqual(events, ['drains cancelled at 30', 'other cancelled at 30'])
})

test('options that cannot be are refused at once', async () => {
  const main = () => sleep(1)
  for (const [bad, code] of [
    [5, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ graceMs: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ graceMs: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ graceMs: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ graceMs: Infinity }, 'ERR_OUT_OF_RANGE'],
  ] as const) {
    assert.throws(() => new Runner({ shutdown: bad as never }), { code })
    assert.equal(codeOf(await rejectionOf(run(main, { shutdown: bad as never }))), code)
  }
  await run(async () => {
    assert.throws(() => createTask(main, { drain: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  })
})
