// Cleaning up in a cancelled task, where a cancellation is a level for users of other libraries and an
// edge here, as in asyncio: it is thrown once, and a `finally` may wait. Each case is written for both
// kinds of coroutine, and their events must be the same.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  type Coro,
  createTask,
  currentTask,
  gather,
  getRunningLoop,
  run,
  shield,
  sleep,
  TimeoutError,
  taskGroup,
  timeout,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

type Log = (event: string) => void

interface Case {
  readonly name: string
  /** The body of a task that is cancelled at 10, and again at 20 if it is still there. */
  readonly generator: (log: Log) => Coro<unknown>
  readonly async: (log: Log) => Coro<unknown>
  readonly expected: readonly string[]
}

/** Runs the task and gives its events, each with its time, and how it ended. */
async function eventsOf(make: (log: Log) => Coro<unknown>): Promise<string[]> {
  const events: string[] = []
  await runVirtual(async () => {
    const loop = getRunningLoop()
    const log = (event: string) => events.push(`${loop.time()} ${event}`)
    const task = createTask(make(log))
    loop.callAt(10, () => task.cancel('first'))
    loop.callAt(20, () => task.cancel('second'))
    try {
      await task
      log('ended')
    } catch (error) {
      const reason = error instanceof CancelledError ? ` ${error.reason}` : ''
      log(`ended ${(error as Error).name}${reason}, cancelling ${task.cancelling()}`)
    }
    await sleep(100)
  })
  return events
}

function* commit(log: Log) {
  yield* sleep(30)
  log('committed')
}

const cases: readonly Case[] = [
  {
    name: 'a finally that waits is interrupted by a second cancel',
    *generator(log) {
      try {
        yield* sleep(100)
      } finally {
        yield* commit(log)
      }
    },
    async: (log) => async () => {
      try {
        await sleep(100)
      } finally {
        await sleep(30)
        log('committed')
      }
    },
    expected: ['20 ended CancelledError second, cancelling 2'],
  },
  {
    name: 'shield keeps a second cancel from what a finally waits for',
    *generator(log) {
      try {
        yield* sleep(100)
      } finally {
        yield* shield(commit(log))
      }
    },
    async: (log) => async () => {
      try {
        await sleep(100)
      } finally {
        await shield(commit(log))
      }
    },
    expected: ['20 ended CancelledError second, cancelling 2', '40 committed'],
  },
  {
    name: 'a finally can wait for what it shielded, whatever comes in between',
    *generator(log) {
      try {
        yield* sleep(100)
      } finally {
        const inner = createTask(commit(log))
        while (!inner.done()) {
          try {
            yield* shield(inner)
          } catch (error) {
            log(`interrupted by ${(error as CancelledError).reason}`)
          }
        }
      }
    },
    async: (log) => async () => {
      try {
        await sleep(100)
      } finally {
        const inner = createTask(commit(log))
        while (!inner.done()) {
          try {
            await shield(inner)
          } catch (error) {
            log(`interrupted by ${(error as CancelledError).reason}`)
          }
        }
      }
    },
    expected: [
      '20 interrupted by second',
      '40 committed',
      '40 ended CancelledError first, cancelling 2',
    ],
  },
  {
    name: 'a timeout in a finally that is in time lets the cancellation go on',
    *generator(log) {
      try {
        yield* sleep(100)
      } finally {
        yield* timeout(8, function* () {
          yield* sleep(5)
          log('flushed')
        })
      }
    },
    async: (log) => async () => {
      try {
        await sleep(100)
      } finally {
        await timeout(8, async () => {
          await sleep(5)
          log('flushed')
        })
      }
    },
    expected: ['15 flushed', '15 ended CancelledError first, cancelling 1'],
  },
  {
    name: 'a timeout in a finally expires as anywhere, and its TimeoutError can be caught there',
    *generator(log) {
      try {
        yield* sleep(100)
      } finally {
        try {
          yield* timeout(5, () => sleep(100))
        } catch (error) {
          log(`${error instanceof TimeoutError} cancelling ${currentTask()?.cancelling()}`)
        }
      }
    },
    async: (log) => async () => {
      try {
        await sleep(100)
      } finally {
        try {
          await timeout(5, () => sleep(100))
        } catch (error) {
          log(`${error instanceof TimeoutError} cancelling ${currentTask()?.cancelling()}`)
        }
      }
    },
    expected: ['15 true cancelling 1', '15 ended CancelledError first, cancelling 1'],
  },
  {
    name: 'a TimeoutError that leaves a finally takes the place of the cancellation',
    *generator() {
      try {
        yield* sleep(100)
      } finally {
        yield* waitFor(sleep(100), 5)
      }
    },
    async: () => async () => {
      try {
        await sleep(100)
      } finally {
        await waitFor(sleep(100), 5)
      }
    },
    expected: ['15 ended TimeoutError, cancelling 1'],
  },
  {
    name: 'a cancel from outside while a timeout of a finally runs is no TimeoutError',
    *generator() {
      try {
        yield* sleep(100)
      } finally {
        yield* timeout(50, () => sleep(100))
      }
    },
    async: () => async () => {
      try {
        await sleep(100)
      } finally {
        await timeout(50, () => sleep(100))
      }
    },
    expected: ['20 ended CancelledError second, cancelling 2'],
  },
  {
    name: 'a group and a gather in a finally wait for their children',
    *generator(log) {
      try {
        yield* sleep(100)
      } finally {
        yield* taskGroup(function* (group) {
          group.createTask(sleep(4))
        })
        yield* gather(sleep(3), sleep(5))
        log('closed')
      }
    },
    async: (log) => async () => {
      try {
        await sleep(100)
      } finally {
        await taskGroup(async (group) => {
          group.createTask(sleep(4))
        })
        await gather(sleep(3), sleep(5))
        log('closed')
      }
    },
    expected: ['19 closed', '19 ended CancelledError first, cancelling 1'],
  },
  {
    name: 'finally blocks within finally blocks all run, the inner first',
    *generator(log) {
      try {
        try {
          yield* sleep(100)
        } finally {
          yield* sleep(2)
          log('inner')
        }
      } finally {
        yield* sleep(3)
        log('outer')
      }
    },
    async: (log) => async () => {
      try {
        try {
          await sleep(100)
        } finally {
          await sleep(2)
          log('inner')
        }
      } finally {
        await sleep(3)
        log('outer')
      }
    },
    expected: ['12 inner', '15 outer', '15 ended CancelledError first, cancelling 1'],
  },
]

for (const { name, generator, async, expected } of cases) {
  test(`${name}, in a generator`, async () => {
    assert.deepEqual(await eventsOf(generator), expected)
  })

  test(`${name}, in an async function`, async () => {
    assert.deepEqual(await eventsOf(async), expected)
  })
}

for (const kind of ['generator', 'async'] as const) {
  test(`the end of run waits for a ${kind} finally that waits, shields and has timeouts`, async () => {
    const events: string[] = []
    const cleaning = {
      *generator() {
        try {
          yield* sleep(1000)
        } finally {
          yield* shield(sleep(5))
          yield* timeout(50, () => sleep(5))
          events.push(`clean at ${getRunningLoop().time()}`)
        }
      },
      async async() {
        try {
          await sleep(1000)
        } finally {
          await shield(sleep(5))
          await timeout(50, () => sleep(5))
          events.push(`clean at ${getRunningLoop().time()}`)
        }
      },
    }
    await runVirtual(async () => {
      createTask(cleaning[kind])
      await sleep(10)
    })
    assert.deepEqual(events, ['clean at 20'])
  })
}

test('on the real clock, a timeout in a finally of a cancelled task expires', async () => {
  await run(async () => {
    let caught: unknown
    const task = createTask(async () => {
      try {
        await sleep(60_000)
      } finally {
        await timeout(1, () => sleep(60_000)).then(undefined, (error) => {
          caught = error
        })
      }
    })
    await sleep(1)
    task.cancel()
    await task.then(undefined, () => {})
    assert.ok(caught instanceof TimeoutError)
    assert.equal(task.cancelled(), true)
  })
})
