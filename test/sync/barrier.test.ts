// Barrier while it lets its tasks out: what resetting, aborting and waiting anew do in the midst of it. The
// programs are those of CPython's test_locks.py (3.13); in generators the order of events is the same.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  Barrier,
  BrokenBarrierError,
  type Coroutine,
  createTask,
  type Future,
  gather,
  sleep,
} from 'gyre'
import { runVirtual } from 'gyre/testing'

const PARTIES = 5

/** Runs `body` once for each party, side by side. */
function forEachParty(body: () => Coroutine<unknown>): Future<unknown[]> {
  return gather(Array.from({ length: PARTIES }, () => body))
}

/** Waits at the barrier; whether it was let through rather than broken. */
function* passes(barrier: Barrier): Coroutine<boolean> {
  try {
    yield* barrier.wait()
    return true
  } catch (error) {
    assert.ok(error instanceof BrokenBarrierError)
    return false
  }
}

test('a reset while half of the tasks are out breaks it for the other half', async () => {
  await runVirtual(function* () {
    const barrier = new Barrier(PARTIES)
    const outcomes: string[] = []
    let out = 0
    yield* forEachParty(function* () {
      if (!(yield* passes(barrier))) {
        outcomes.push('still inside')
        yield* barrier.wait()
      } else if (++out > 2) {
        yield* barrier.reset()
        yield* barrier.wait()
      } else {
        const second = yield* passes(barrier)
        if (!second) outcomes.push('waiting anew')
      }
    })
    assert.deepEqual(outcomes, ['still inside', 'still inside'])
    assert.deepEqual([barrier.broken, barrier.nWaiting], [false, 0])
  })
})

test('an abort while half of the tasks are out breaks it for those who wait anew, too', async () => {
  await runVirtual(function* () {
    const barrier = new Barrier(PARTIES)
    const outcomes: string[] = []
    let out = 0
    yield* forEachParty(function* () {
      if (!(yield* passes(barrier))) outcomes.push('still inside')
      else if (++out > 2) yield* barrier.abort()
      else {
        const second = yield* passes(barrier)
        if (!second) outcomes.push('waiting anew')
      }
    })
    assert.deepEqual(outcomes.sort(), [
      'still inside',
      'still inside',
      'waiting anew',
      'waiting anew',
    ])
    assert.deepEqual([barrier.broken, barrier.nWaiting], [true, 0])
  })
})

test('a reset by the last one out leaves those who wait anew alone', async () => {
  await runVirtual(function* () {
    const barrier = new Barrier(PARTIES)
    const broken: string[] = []
    let out = 0
    yield* forEachParty(function* () {
      yield* barrier.wait()
      if (++out === PARTIES) {
        yield* barrier.reset()
        yield* barrier.wait()
      } else if (!(yield* passes(barrier))) broken.push('waiting anew')
      yield* barrier.wait()
    })
    assert.deepEqual(broken, [])
    assert.deepEqual([barrier.broken, barrier.nWaiting], [false, 0])
  })
})

test('who comes while tasks are let out waits for the next round', async () => {
  await runVirtual(function* () {
    const barrier = new Barrier(PARTIES)
    const others = new Barrier(PARTIES - 2)
    let again = 2
    yield* forEachParty(function* () {
      yield* barrier.wait()
      if (again-- > 0) yield* barrier.wait()
      else {
        yield* others.wait()
        yield* barrier.wait()
      }
    })
    assert.deepEqual([barrier.nWaiting, others.nWaiting], [0, 0])
  })
})

test('one who gives up is replaced by another', async () => {
  await runVirtual(function* () {
    const barrier = new Barrier(3)
    const first = createTask(barrier.wait())
    const second = createTask(barrier.wait())
    yield* sleep(0)
    assert.equal(barrier.nWaiting, 2)
    first.cancel()
    yield* sleep(0)
    assert.deepEqual([barrier.nWaiting, first.cancelled()], [1, true])
    // The number is that of the place it took, as in asyncio.
    assert.deepEqual(yield* gather(second, barrier.wait(), barrier.wait()), [1, 1, 2])
    assert.deepEqual([barrier.nWaiting, barrier.broken], [0, false])
  })
})
