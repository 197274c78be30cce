// Generator tasks and async tasks together: waiting on one another, cancelled through many levels,
// with finally blocks that wait, Promise.all inside, and bodies of the other kind.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CancelledError,
  createTask,
  ExceptionGroup,
  Future,
  gather,
  getRunningLoop,
  sleep,
  type Task,
  TimeoutError,
  taskGroup,
  timeout,
  wait,
  waitFor,
} from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf, rejectionOf } from '../thrown.js'

const now = () => getRunningLoop().time()

test('a chain of tasks of alternating kinds hands its result through', async () => {
  const chain = (depth: number): Task<number> =>
    depth === 0
      ? createTask(() => sleep(1, 0))
      : depth % 2 === 0
        ? createTask(function* () {
            return 1 + (yield* chain(depth - 1))
          })
        : createTask(async () => 1 + (await chain(depth - 1)))
  assert.equal(await runVirtual(async () => await chain(50)), 50)
})

test('a cancel goes through a chain of alternating kinds, and its reason back', async () => {
  const events: string[] = []
  const chain = (depth: number): Task<unknown> => {
    if (depth === 0) return createTask(() => sleep(1000))
    if (depth % 2 === 0) {
      return createTask(function* () {
        try {
          yield* chain(depth - 1)
        } finally {
          yield* sleep(1)
          events.push(`${depth} at ${now()}`)
        }
      })
    }
    return createTask(async () => {
      try {
        await chain(depth - 1)
      } finally {
        await sleep(1)
        events.push(`${depth} at ${now()}`)
      }
    })
  }
  await runVirtual(async () => {
    const top = chain(4)
    await sleep(10)
    top.cancel('from the top')
    const error = await rejectionOf(top)
    assert.ok(error instanceof CancelledError)
    assert.equal(error.reason, 'from the top')
    assert.equal(error.origin, top)
  })
  assert.deepEqual(events, ['1 at 11', '2 at 12', '3 at 13', '4 at 14'])
})

test('cancelling unwinds nested async functions whose finally blocks wait', async () => {
  const events: string[] = []
  const level = async (depth: number): Promise<void> => {
    try {
      if (depth > 0) await level(depth - 1)
      else await sleep(1000)
    } finally {
      await sleep(2)
      await new Promise<void>((resolve) => queueMicrotask(resolve))
      events.push(`${depth} at ${now()}`)
    }
  }
  await runVirtual(async () => {
    const task = createTask(() => level(3))
    await sleep(1)
    task.cancel()
    await rejectionOf(task)
    assert.equal(task.cancelled(), true)
  })
  assert.deepEqual(events, ['0 at 3', '1 at 5', '2 at 7', '3 at 9'])
})

test('Promise.all inside a task: one cancel reaches every branch', async () => {
  const events: string[] = []
  const branch = async (name: string) => {
    try {
      await sleep(1000)
    } catch (error) {
      events.push(`${name} ${(error as CancelledError).reason}`)
      throw error
    }
  }
  await runVirtual(async () => {
    const task = createTask(async () => {
      await Promise.all([branch('a'), branch('b'), branch('c')])
    })
    await sleep(1)
    task.cancel('all of you')
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    await sleep(1)
  })
  assert.deepEqual(events, ['a all of you', 'b all of you', 'c all of you'])
})

test('thousands of awaits at once end in any order, and one cancel reaches all of them', async () => {
  await runVirtual(async () => {
    const count = 10_000
    const sleeps = Array.from({ length: count }, (_, i) => sleep((i * 7919) % count, i))
    const all = await Promise.all(sleeps)
    assert.equal(all[count - 1], count - 1)
    const futures = Array.from({ length: count }, () => new Future<void>())
    const task = createTask(async () => await Promise.all(futures))
    await sleep(1)
    task.cancel()
    await rejectionOf(task)
    assert.ok(futures.every((future) => future.cancelled()))
  })
})

test('Promise.race and Promise.any inside a task leave the losers waiting, harmlessly', async () => {
  await runVirtual(async () => {
    const task = createTask(async () => {
      const first = await Promise.race([sleep(5, 'fast'), sleep(500, 'slow')])
      const any = await Promise.any([
        Promise.reject(new Error('no')),
        (async () => await sleep(5, 'any'))(),
      ])
      return `${first} ${any}`
    })
    assert.equal(await task, 'fast any')
    assert.equal(now(), 10)
  })
})

test('a cancellation is not lost where one of several awaits is done, and did not go on yet', async () => {
  const bodies: Record<string, (all: Future<void>[]) => PromiseLike<unknown>> = {
    race: (all) => Promise.race(all),
    all: (all) => Promise.all(all),
    'race in a body': ([first, ...rest]) => timeout(5000, () => Promise.race([first, ...rest])),
    'race in a body, beside others': ([first, second, third]) =>
      Promise.race([timeout(5000, () => Promise.race([first, second])), third]),
    'an await in a body, beside others': ([first, second, third]) =>
      Promise.race([timeout(5000, async () => await first), second, third]),
  }
  for (const [name, body] of Object.entries(bodies)) {
    await runVirtual(async () => {
      const [first, second, third] = [new Future<void>(), new Future<void>(), new Future<void>()]
      const task = createTask(async () => {
        await body([first, second, third])
        await sleep(1000)
      })
      await sleep(1)
      first.setResult()
      assert.equal(task.cancel('enough'), true)
      const error = await rejectionOf(task)
      assert.ok(error instanceof CancelledError, `${name}: ${error}`)
      assert.equal(error.reason, 'enough')
      assert.equal(task.cancelled(), true)
      assert.ok(second.cancelled() && third.cancelled(), name)
      assert.equal(now(), 1)
    })
  }
})

test('a generator that is about to go on is cancelled, whatever its bodies left behind', async () => {
  await runVirtual(async () => {
    for (const cancelsItself of [true, false]) {
      const [loser, next] = [new Future<void>(), new Future<void>()]
      const task = createTask(function* () {
        yield* timeout(100, async () => {
          await Promise.race([sleep(1), loser])
        })
        if (cancelsItself) task.cancel()
        else yield* next
        yield* sleep(1000)
      })
      await sleep(2)
      next.setResult()
      if (!cancelsItself) task.cancel()
      assert.ok((await rejectionOf(task)) instanceof CancelledError)
      assert.equal(loser.cancelled(), true)
      assert.ok(now() < 1000)
    }
  })
})

test('what a task left waiting goes on after its end, and changes nothing of its outcome', async () => {
  const events: string[] = []
  const loser = async (name: string, rounds: number) => {
    await timeout(100, function* () {
      for (let i = 0; i < rounds; i++) yield* sleep(5)
    })
    await wait([sleep(5), sleep(6)])
    await sleep(5)
    events.push(name)
    return name
  }
  await runVirtual(async () => {
    const finished = createTask(async () => await Promise.race([sleep(1, 'won'), loser('a', 2)]))
    const failed = createTask(async () => {
      const error = sleep(1).then(() => {
        throw new Error('failed')
      })
      return await Promise.race([error, loser('b', 3)])
    })
    const cancelled = createTask(async () => await Promise.race([sleep(100), loser('c', 4)]))
    assert.equal(await finished, 'won')
    assert.equal(messageOf(await rejectionOf(failed)), 'failed')
    cancelled.cancel('stop')
    await rejectionOf(cancelled)
    await sleep(200)
    assert.equal(finished.result(), 'won')
    assert.equal(messageOf(failed.exception()), 'failed')
    assert.equal(cancelled.cancelled(), true)
  })
  assert.deepEqual(events, ['a', 'b'])
})

test('a task that swallowed a cancel in one branch of Promise.all goes on', async () => {
  await runVirtual(async () => {
    const stubborn = async () => {
      try {
        await sleep(1000)
        return 'slept'
      } catch {
        return 'swallowed'
      }
    }
    const task = createTask(async () => await Promise.all([stubborn(), stubborn()]))
    await sleep(1)
    task.cancel()
    assert.deepEqual(await task, ['swallowed', 'swallowed'])
    assert.equal(task.cancelling(), 1)
  })
})

test('timeouts around async bodies in generators, and around generators in async functions', async () => {
  const slowAsync = async () => {
    try {
      await sleep(1000)
      return 'slept'
    } finally {
      await sleep(1)
    }
  }
  function* slowGenerator(): Generator<Future<unknown>, string, unknown> {
    try {
      return yield* sleep(1000, 'slept')
    } finally {
      yield* sleep(1)
    }
  }
  await runVirtual(function* () {
    for (const body of [slowAsync, slowGenerator]) {
      const began = now()
      try {
        yield* timeout(5, body)
        assert.fail('no error')
      } catch (error) {
        assert.ok(error instanceof TimeoutError, `${error}`)
      }
      assert.equal(now() - began, 6)
    }
  })
  await runVirtual(async () => {
    for (const body of [slowAsync, slowGenerator]) {
      const began = now()
      assert.ok((await rejectionOf(timeout(5, body))) instanceof TimeoutError)
      assert.equal(now() - began, 6)
      assert.ok((await rejectionOf(waitFor(body, 5))) instanceof TimeoutError)
    }
  })
})

test('an async body inside a generator inside an async body: the innermost wait is reached', async () => {
  const events: string[] = []
  const innermost = async () => {
    try {
      await sleep(1000)
    } finally {
      events.push(`innermost at ${now()}`)
    }
  }
  await runVirtual(async () => {
    const task = createTask(async () => {
      await timeout(500, function* () {
        yield* timeout(400, async () => {
          await timeout(300, function* () {
            yield* timeout(200, innermost)
          })
        })
      })
    })
    await sleep(7)
    task.cancel('outside')
    const error = await rejectionOf(task)
    assert.ok(error instanceof CancelledError, `${error}`)
    assert.equal(error.reason, 'outside')
  })
  assert.deepEqual(events, ['innermost at 7'])
})

test('a task group with an async body in a generator task, and children of both kinds', async () => {
  const events: string[] = []
  await runVirtual(function* () {
    try {
      yield* taskGroup(async (group) => {
        group.createTask(function* () {
          try {
            yield* sleep(1000)
          } finally {
            events.push('generator child')
          }
        })
        group.createTask(async () => {
          try {
            await sleep(1000)
          } finally {
            events.push('async child')
          }
        })
        group.createTask(async () => {
          await sleep(5)
          throw new Error('broken')
        })
        try {
          await sleep(1000)
        } finally {
          events.push('body')
        }
      })
    } catch (error) {
      assert.ok(error instanceof ExceptionGroup)
      assert.deepEqual(error.errors.map(messageOf), ['broken'])
    }
  })
  assert.deepEqual([...events].sort(), ['async child', 'body', 'generator child'])
})

test('producers and consumers of both kinds hand every item over once', async () => {
  const received: number[] = []
  await runVirtual(async () => {
    const items: number[] = []
    let wake = new Future<void>()
    const put = (item: number) => {
      items.push(item)
      if (!wake.done()) wake.setResult()
    }
    const producers = [
      createTask(function* () {
        for (let i = 0; i < 50; i++) {
          put(i)
          yield* sleep(i % 3)
        }
      }),
      createTask(async () => {
        for (let i = 50; i < 100; i++) {
          put(i)
          await sleep(i % 4)
        }
      }),
    ]
    const take = (): number | undefined => {
      const item = items.shift()
      if (item === undefined && wake.done()) wake = new Future<void>()
      return item
    }
    const consumers = [
      createTask(function* () {
        while (received.length < 100) {
          const item = take()
          if (item === undefined) yield* gather([wake], { returnExceptions: true })
          else received.push(item)
          if (received.length === 100 && !wake.done()) wake.setResult()
        }
      }),
      createTask(async () => {
        while (received.length < 100) {
          const item = take()
          if (item === undefined) await wake
          else received.push(item)
          if (received.length === 100 && !wake.done()) wake.setResult()
        }
      }),
    ]
    await Promise.all([...producers, ...consumers])
  })
  assert.deepEqual(
    received.sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('an async generator is consumed inside a task, and cancelling runs its finally', async () => {
  const events: string[] = []
  async function* ticks() {
    try {
      for (let i = 0; ; i++) {
        await sleep(1)
        yield i
      }
    } finally {
      await sleep(1)
      events.push('closed')
    }
  }
  await runVirtual(async () => {
    const seen: number[] = []
    const task = createTask(async () => {
      for await (const tick of ticks()) seen.push(tick)
    })
    await sleep(3.5)
    task.cancel()
    await rejectionOf(task)
    assert.deepEqual(seen, [0, 1, 2])
    for await (const tick of ticks()) if (tick === 2) break
  })
  assert.deepEqual(events, ['closed', 'closed'])
})
