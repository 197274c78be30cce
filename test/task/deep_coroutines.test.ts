// Coroutines that wait for one another thousands of levels deep: V8's stack ends before memory does. It is
// an error of the task that went too deep, as Python's RecursionError is, and of nobody else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Coroutine, createTask, gather, getRunningLoop, Lock, Queue, run, sleep } from 'gyre'
import { rejectionOf } from '../thrown.js'

/** Waits `depth` levels down for what `bottom` waits for. */
function* deep(depth: number, bottom: () => Coroutine<unknown>): Coroutine<number> {
  if (depth === 0) {
    yield* bottom()
    return 0
  }
  return 1 + (yield* deep(depth - 1, bottom))
}

function* sleeping(): Coroutine<void> {
  yield* sleep(1)
}

async function deepAsync(depth: number): Promise<number> {
  if (depth === 0) {
    await sleep(1)
    return 0
  }
  return 1 + (await deepAsync(depth - 1))
}

/** Runs `main` beside a task that must go on, on a loop that must be whole afterwards. */
async function besideATask(main: () => Coroutine<void>): Promise<void> {
  await run(function* () {
    let ticks = 0
    const ticking = createTask(function* () {
      for (;;) {
        yield* sleep(1)
        ticks++
      }
    })
    yield* main()
    const before = ticks
    while (ticks < before + 3) yield* sleep(1)
    ticking.cancel()
    yield* gather([ticking], { returnExceptions: true })
    assert.equal(getRunningLoop().metrics().timers, 0, 'a timer stays behind')
  })
}

test('a thousand levels of yield* and of await are no trouble', async () => {
  await besideATask(function* () {
    assert.equal(yield* createTask(deep(1000, sleeping)), 1000)
    assert.equal(yield* createTask(deepAsync(1000)), 1000)
  })
})

test('a task that recurses too deep fails with RangeError, alone', async () => {
  await besideATask(function* () {
    const error = yield* createTask(rejectionOf(createTask(deep(50_000, sleeping))))
    assert.ok(error instanceof RangeError)
  })
})

test('where the stack ends inside of a wait, nothing is lost or left behind', async () => {
  await besideATask(function* () {
    let lock = new Lock()
    let isSuspended = false
    const queue = new Queue<number>()
    const bottoms: (() => Coroutine<unknown>)[] = [
      sleeping,
      function* () {
        yield* lock.with(function* () {
          const pause = sleep(0.2)
          isSuspended = true
          yield* pause
        })
      },
      function* () {
        yield* queue.put(1)
        yield* queue.get()
      },
      function* () {
        yield* gather(sleep(1), createTask(sleep(0.1)))
      },
    ]
    let failures = 0
    for (const bottom of bottoms) {
      // The stack ends somewhere between: at each of these depths in another place.
      for (let depth = 4000; depth < 9000; depth += 37) {
        isSuspended = false
        const task = createTask(deep(depth, bottom))
        const [outcome] = yield* gather([task], { returnExceptions: true })
        if (outcome === depth) continue
        assert.ok(outcome instanceof RangeError)
        failures++
        // V8 may need more stack to resume the coroutines than it took to suspend them, as it has compiled
        // them anew in between. Those that it cannot reach run no `finally`.
        if (isSuspended) lock = new Lock()
        assert.equal(lock.locked(), false)
      }
    }
    assert.ok(failures > 0, 'the stack never ended')
    assert.equal(lock.locked(), false)
  })
})
