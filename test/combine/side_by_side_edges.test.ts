// Branches of a task (ts/future/branch.ts) in odd places: what is cancelled where it waits for nothing yet,
// what a body left behind, tasks that wait in a circle, counts that are seen from several sides.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  createTask,
  currentTask,
  getRunningLoop,
  Lock,
  run,
  sleep,
  type Task,
  TimeoutError,
  taskGroup,
  timeout,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

const LONG = 10_000

async function endOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    return (error as Error).name
  }
}

const now = () => Math.round(getRunningLoop().time())

describe('a group that an async function awaits, whose body is a generator,', () => {
  test('ends at its first wait if it was cancelled before that', async () => {
    await runVirtual(async () => {
      const begun = now()
      await taskGroup(function* (group) {
        group.cancel()
        yield* sleep(LONG)
      })
      assert.equal(now() - begun, 0)
    })
  })

  test('ends at its next wait if an async body in it cancels it', async () => {
    await runVirtual(async () => {
      const begun = now()
      let isReturned = false
      await taskGroup(function* (group) {
        yield* new Lock().with(async () => {
          await sleep(1)
          group.cancel()
        })
        isReturned = true
        yield* sleep(LONG)
      })
      assert.equal(now() - begun, 1)
      assert.equal(isReturned, true)
    })
  })
})

test('an operation that a body left behind is cancelled with its task, also in its later waits', async () => {
  await runVirtual(async () => {
    const ends: string[] = []
    const left = async () =>
      await timeout(LONG, function* () {
        yield* sleep(5)
        try {
          yield* sleep(LONG)
        } finally {
          ends.push('left')
        }
      })
    const task = createTask(async () => {
      await timeout(LONG, async () => {
        void endOf(left())
        await sleep(1)
      })
      await sleep(LONG)
    })
    await sleep(10)
    task.cancel()
    await endOf(task)
    await sleep(0)
    assert.deepEqual(ends, ['left'])
  })
})

describe('tasks that wait for each other', () => {
  test('leave the circle in the branch that expires, and nothing beside it', async () => {
    await runVirtual(async () => {
      const other = createTask(async () => {
        await sleep(1)
        await task
      })
      const task: Task<unknown> = createTask(async () => {
        const beside = async () => await sleep(20, 'whole')
        const waiting = async () => await endOf(timeout(5, async () => await other))
        return await Promise.all([beside(), waiting()])
      })
      assert.deepEqual(await task, ['whole', 'TimeoutError'])
    })
  })

  test('leave it in the body in which a generator waits: the generator ends after its body', async () => {
    await runVirtual(async () => {
      const order: string[] = []
      const other = createTask(async () => {
        await sleep(1)
        await task
      })
      const task: Task<unknown> = createTask(function* () {
        try {
          yield* timeout(5, async () => {
            try {
              await other
            } finally {
              order.push('body')
            }
          })
        } finally {
          order.push('generator')
        }
      })
      assert.equal(await endOf(task), 'TimeoutError')
      assert.deepEqual(order, ['body', 'generator'])
    })
  })

  test('are cancelled without a body beside being left that awaits a foreign promise', async () => {
    await run(async () => {
      let isSettled = false
      const foreign = new Promise<void>((resolve) => {
        setTimeout(() => {
          isSettled = true
          resolve()
        }, 20)
      })
      const other = createTask(async () => {
        await sleep(1)
        await task
      })
      const ends: unknown[] = []
      const task: Task<unknown> = createTask(async () => {
        const beside = async () => {
          await endOf(timeout(LONG, async () => await foreign))
          ends.push(isSettled)
        }
        const circling = async () => {
          await sleep(0)
          await other
        }
        await Promise.all([beside(), circling()])
      })
      await sleep(5)
      task.cancel()
      await endOf(task)
      await foreign
      await sleep(0)
      assert.deepEqual(ends, [true])
    })
  })
})

describe('the count of requests', () => {
  /** Is cancelled after 5 ms, and cleans up for 10 ms more. */
  const slow = async (counts: unknown[]) =>
    await endOf(
      timeout(5, async () => {
        try {
          await sleep(LONG)
        } finally {
          await sleep(10)
          counts.push(currentTask()?.cancelling())
        }
      }),
    )

  test('is not taken back by code beside that which was asked', async () => {
    await runVirtual(async () => {
      const counts: unknown[] = []
      const beside = async () => {
        await sleep(7)
        assert.equal(currentTask()?.uncancel(), 0)
      }
      const [end] = await Promise.all([slow(counts), beside()])
      assert.equal(end, 'TimeoutError')
      assert.deepEqual(counts, [1])
      assert.equal(currentTask()?.cancelling(), 0)
    })
  })

  test('is never below 0, also where other tasks take requests back', async () => {
    await runVirtual(async () => {
      const counts: unknown[] = []
      const beside = async () => {
        await sleep(10)
        counts.push(currentTask()?.cancelling())
      }
      const task = createTask(async () => await Promise.all([slow(counts), slow(counts), beside()]))
      await sleep(8)
      assert.equal(task.cancelling(), 2)
      assert.equal(task.uncancel(), 1)
      await task
      assert.deepEqual(counts, [0, 0, 1])
      assert.equal(task.cancelling(), 0)
    })
  })
})

describe('what is aborted beside other waits of a body', () => {
  /** As fetch does it. */
  const abortable = () =>
    new Promise<never>((_, reject) => {
      const { signal } = currentTask()!
      signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
    })
  const both = async () => await Promise.all([abortable(), sleep(LONG)])

  test('by a timeout is a TimeoutError', async () => {
    await runVirtual(async () => {
      assert.ok((await rejectionOf(timeout(5, both))) instanceof TimeoutError)
    })
  })

  test('by a group that is cancelled is no error', async () => {
    await runVirtual(async () => {
      await taskGroup(async (group) => {
        getRunningLoop().callLater(5, () => group.cancel())
        await both()
      })
    })
  })

  test('by a task that is cancelled has the task end as cancelled', async () => {
    await runVirtual(async () => {
      const task = createTask(async () => await timeout(LONG, both))
      await sleep(5)
      task.cancel('enough')
      await endOf(task)
      assert.equal(task.cancelled(), true)
    })
  })

  test('by somebody else is an AbortError', async () => {
    await runVirtual(async () => {
      const failing = async () => {
        const signal = currentTask()!.signal
        await sleep(1)
        assert.equal(signal.aborted, false)
        throw new DOMException('aborted', 'AbortError')
      }
      assert.equal(await endOf(timeout(LONG, failing)), 'AbortError')
    })
  })
})

describe('nothing is kept', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  /** Whether the bodies of all but the last few of 100 rounds have been collected. */
  async function areCollected(
    round: (mark: (made: object) => void) => Promise<void>,
  ): Promise<boolean> {
    const marks: WeakRef<object>[] = []
    for (let i = 0; i < 100; i++) {
      await round((made) => {
        marks.push(new WeakRef(made))
      })
    }
    assert.equal(marks.length, 100)
    // What a WeakRef gave is kept until the end of the job, and weak callbacks may need another round.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      collect()
      if (marks.filter((mark) => mark.deref() !== undefined).length <= 5) return true
    }
    return false
  }

  test('of timeouts that expired, whose signal was asked for', async () => {
    await run(async () => {
      const expiring = async (mark: (made: object) => void) => {
        await endOf(
          timeout(0, async () => {
            assert.equal(currentTask()?.signal.aborted, false)
            await endOf(sleep(LONG))
            const error = new Error('cleanup')
            mark(error)
            throw error
          }),
        )
      }
      assert.ok(await areCollected(expiring))
    })
  })

  test('of bodies that each leave behind the function which begins the next', async () => {
    await run(async () => {
      let next: (begin: () => Promise<void>) => void = () => {}
      /** In the context of the body before. */
      const waiting = async (): Promise<void> => {
        const begin = await new Promise<() => Promise<void>>((resolve) => {
          next = resolve
        })
        await begin()
      }
      void waiting()
      const leaving = async (mark: (made: object) => void) => {
        await new Promise<void>((resolve) => {
          next(async () => {
            await timeout(LONG, async () => {
              mark(currentTask()!.signal)
              void waiting()
              await sleep(0)
            })
            resolve()
          })
        })
      }
      assert.ok(await areCollected(leaving))
    })
  })
})
