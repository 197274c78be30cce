// Async functions that are called side by side run in one task. What a timeout or a group in one of them
// cancels is its own body, and nothing beside it.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  CancelledError,
  createTask,
  currentTask,
  ExceptionGroup,
  gather,
  getRunningLoop,
  Lock,
  run,
  sleep,
  TimeoutError,
  taskGroup,
  timeout,
  timeoutAt,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

const LONG = 10_000

/** What ends early because of something in it, after 5 ms. */
const STOPPED: Record<string, () => Promise<unknown>> = {
  'a timeout of an async body': async () =>
    await timeout(5, async () => {
      await sleep(LONG)
    }),
  'a timeout of a generator': async () =>
    await timeout(5, function* () {
      yield* sleep(LONG)
    }),
  'a timeoutAt': async () => {
    const when = getRunningLoop().time() + 5
    await timeoutAt(when, async () => {
      await sleep(LONG)
    })
  },
  'a waitFor of a function': async () => await waitFor(async () => await sleep(LONG), 5),
  'a waitFor of a future': async () => await waitFor(sleep(LONG), 5),
  'a timeout around a timeout': async () =>
    await timeout(5, async () => {
      await timeout(LONG, async () => {
        await sleep(LONG)
      })
    }),
  'a timeout in a timeout': async () =>
    await timeout(LONG, async () => {
      await timeout(5, async () => {
        await sleep(LONG)
      })
    }),
  'a timeout of a body that holds a lock': async () =>
    await timeout(5, async () => {
      await new Lock().with(async () => {
        await sleep(LONG)
      })
    }),
  'a timeout of a generator that runs an async body': async () =>
    await timeout(5, function* () {
      yield* new Lock().with(async () => {
        await sleep(LONG)
      })
    }),
  'a group whose task fails': async () =>
    await taskGroup(async (group) => {
      group.createTask(async () => {
        await sleep(5)
        throw new Error('child')
      })
      await sleep(LONG)
    }),
  'a timeout of functions side by side': async () =>
    await timeout(5, async () => {
      await Promise.all([sleep(LONG), (async () => await sleep(LONG))()])
    }),
}

/** What others are in the middle of at that time; each gives 'whole' unless it is disturbed. */
const BESIDE: Record<string, () => Promise<string>> = {
  'a sleep': async () => await sleep(20, 'whole'),
  'a timeout that is kept': async () => await timeout(LONG, async () => await sleep(20, 'whole')),
  'a timeout of a generator that is kept': async () =>
    await timeout(LONG, function* () {
      return yield* sleep(20, 'whole')
    }),
  'a group': async () =>
    await taskGroup(async (group) => await group.createTask(async () => await sleep(20, 'whole'))),
  'a task': async () => await createTask(async () => await sleep(20, 'whole')),
  'several steps': async () => {
    for (let i = 0; i < 10; i++) await sleep(2)
    return 'whole'
  },
}

/** The ways to call functions side by side, and to wait for both. */
const TOGETHER: Record<string, (a: Promise<unknown>, b: Promise<unknown>) => Promise<unknown[]>> = {
  gather: async (a, b) => await gather(a, b),
  'Promise.all': async (a, b) => await Promise.all([a, b]),
  'one after the other': async (a, b) => [await a, await b],
}

for (const [how, together] of Object.entries(TOGETHER)) {
  describe(how, () => {
    for (const [name, stopped] of Object.entries(STOPPED)) {
      for (const [beside, other] of Object.entries(BESIDE)) {
        test(`${name} leaves ${beside} beside it alone`, async () => {
          await runVirtual(async () => {
            const ended = rejectionOf(stopped())
            const [error, result] = await together(ended, other())
            assert.ok(error instanceof TimeoutError || error instanceof ExceptionGroup, `${error}`)
            assert.equal(result, 'whole')
            assert.equal(currentTask()?.cancelling(), 0)
            await sleep(1) // Nothing is left that would be cancelled here.
          })
        })
      }
    }
  })
}

test('timeouts side by side that expire together each report their own', async () => {
  await runVirtual(async () => {
    const expiring = async () => {
      const error = await rejectionOf(timeout(5, async () => await sleep(LONG)))
      return [(error as Error).name, currentTask()?.cancelling()]
    }
    assert.deepEqual(await gather(expiring(), expiring(), expiring()), [
      ['TimeoutError', 0],
      ['TimeoutError', 0],
      ['TimeoutError', 0],
    ])
  })
})

test('a cancellation from outside reaches all that runs side by side, in bodies as well', async () => {
  await runVirtual(async () => {
    const ends: string[] = []
    const cleaning = async (name: string) => {
      try {
        await timeout(LONG, async () => await sleep(LONG))
      } catch (error) {
        ends.push(`${name} ${(error as Error).name}`)
        throw error
      }
    }
    const task = createTask(async () => await Promise.all([cleaning('a'), cleaning('b')]))
    await sleep(1)
    task.cancel()
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    assert.deepEqual(ends, ['a CancelledError', 'b CancelledError'])
    assert.equal(task.cancelled(), true)
  })
})

test('a timeout that expires just as the task is cancelled hides nothing', async () => {
  await runVirtual(async () => {
    const names: string[] = []
    const expiring = async () => {
      await timeout(5, async () => {
        try {
          await sleep(LONG)
        } finally {
          await sleep(0)
        }
      }).then(undefined, (error: Error) => names.push(error.name))
    }
    const task = createTask(async () => await Promise.all([expiring(), expiring(), sleep(LONG)]))
    await sleep(5)
    task.cancel()
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    assert.deepEqual(names, ['CancelledError', 'CancelledError'])
  })
})

test('what awaits a foreign promise is told when that settles, and nothing beside it before', async () => {
  await runVirtual(async () => {
    const foreign = async () =>
      await rejectionOf(
        timeout(1, async () => {
          await new Promise((resolve) => getRunningLoop().callLater(20, resolve, null))
          await sleep(0)
        }),
      )
    const other = async () => {
      for (let i = 0; i < 10; i++) await sleep(1)
      return 'whole'
    }
    const [error, result] = await gather(foreign(), other())
    assert.ok(error instanceof TimeoutError, `${error}`)
    assert.equal(result, 'whole')
  })
})

describe('task.signal', () => {
  /** How an endless foreign promise ends, whose signal was asked for in the body of a timeout. */
  async function foreignIn(ms: number) {
    const error = await rejectionOf(
      timeout(ms, async () => {
        await pause(60_000, undefined, { signal: currentTask()!.signal })
      }),
    )
    return (error as Error).name
  }

  test('of a body is aborted by its own timeout, and not by one beside it', async () => {
    await runVirtual(async () => {
      const order: string[] = []
      const noted = async (name: string, ms: number) => {
        order.push(`${name} ${await foreignIn(ms)}`)
      }
      await gather(noted('late', 30), noted('soon', 1))
      assert.deepEqual(order, ['soon TimeoutError', 'late TimeoutError'])
    })
  })

  test('of a body is aborted when the task is cancelled', async () => {
    await run(async () => {
      const task = createTask(async () => await Promise.all([foreignIn(60_000), foreignIn(60_000)]))
      await sleep(1)
      task.cancel()
      assert.deepEqual(await task, ['CancelledError', 'CancelledError'])
    })
  })

  test('that was taken outside of the body is aborted if the task does nothing else', async () => {
    await runVirtual(async () => {
      const { signal } = currentTask()!
      await rejectionOf(timeout(5, async () => await sleep(LONG)))
      assert.equal(signal.aborted, true)
      assert.equal(currentTask()!.signal.aborted, false)
    })
  })

  test('that was taken outside of the body is not aborted if it does', async () => {
    await runVirtual(async () => {
      const { signal } = currentTask()!
      await gather(rejectionOf(timeout(5, async () => await sleep(LONG))), sleep(10))
      assert.equal(signal.aborted, false)
    })
  })
})

test('a count of requests is that of the code which asks; from outside, it is of all', async () => {
  await runVirtual(async () => {
    const counts: unknown[] = []
    const slow = async () => {
      await rejectionOf(
        timeout(5, async () => {
          try {
            await sleep(LONG)
          } finally {
            counts.push(['expired', currentTask()?.cancelling()])
            await sleep(10)
          }
        }),
      )
    }
    const beside = async () => {
      await sleep(10)
      counts.push(['beside', currentTask()?.cancelling()])
    }
    const task = createTask(async () => await Promise.all([slow(), beside()]))
    await sleep(10)
    counts.push(['outside', task.cancelling()])
    await task
    assert.deepEqual(counts, [
      ['expired', 1],
      ['outside', 1],
      ['beside', 0],
    ])
    assert.equal(task.cancelling(), 0)
  })
})

test('functions side by side in the async body of a generator have timeouts of their own', async () => {
  await runVirtual(function* () {
    const stopped = STOPPED['a timeout of an async body'] as () => Promise<unknown>
    const body = async () => await gather(rejectionOf(stopped()), sleep(20, 'whole'))
    const [error, result] = yield* timeout(LONG, body)
    assert.ok(error instanceof TimeoutError)
    assert.equal(result, 'whole')
    assert.equal(currentTask()?.cancelling(), 0)
  })
})

test('waitFor of a promise cancels what the code around it waits for', async () => {
  await runVirtual(async () => {
    const ends: string[] = []
    const cleaning = async () => {
      try {
        await sleep(LONG)
      } finally {
        ends.push('cleaned up')
      }
    }
    const beside = async () => await sleep(20, 'whole')
    const waiting = async () =>
      await timeout(LONG, async () => await rejectionOf(waitFor(cleaning(), 5)))
    const [error, result] = await gather(waiting(), beside())
    assert.ok(error instanceof TimeoutError, `${error}`)
    assert.equal(result, 'whole')
    assert.deepEqual(ends, ['cleaned up'])
  })
})

test('what a body leaves behind is cancelled with its task', async () => {
  await runVirtual(async () => {
    const ends: string[] = []
    const left = async () => {
      try {
        await sleep(5)
        await sleep(LONG)
      } catch (error) {
        ends.push((error as Error).name)
      }
    }
    const task = createTask(async () => {
      await timeout(LONG, async () => {
        void left()
      })
      await sleep(LONG)
    })
    await sleep(10)
    task.cancel()
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    await sleep(0)
    assert.deepEqual(ends, ['CancelledError'])
  })
})

test('a cancellation that a group could not deliver comes at what is awaited next', async () => {
  await runVirtual(async () => {
    const both = async () =>
      await taskGroup(async (group) => {
        group.cancel('enough')
        await Promise.resolve()
        await sleep(LONG)
      })
    assert.deepEqual(await gather(both(), sleep(20, 'whole')), [undefined, 'whole'])
  })
})

test('a group that fails in an expired timeout has the timeout go on, and nothing beside it', async () => {
  await runVirtual(async () => {
    const failing = async () =>
      await timeout(5, async () => {
        const error = await rejectionOf(
          taskGroup(async (group) => {
            group.createTask(async () => {
              try {
                await sleep(LONG)
              } finally {
                await Promise.reject(new Error('cleanup'))
              }
            })
            await sleep(LONG)
          }),
        )
        assert.ok(error instanceof ExceptionGroup)
        await sleep(LONG) // Interrupted: the timeout has expired.
      })
    const [error, result] = await gather(rejectionOf(failing()), sleep(20, 'whole'))
    assert.ok(error instanceof TimeoutError, `${error}`)
    assert.equal(result, 'whole')
  })
})
