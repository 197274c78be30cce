// Every operation of a Future in every state it can be in.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTask, Future, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { messageOf } from '../thrown.js'
import { column } from './matrix.js'

const callback = () => {}

const OPERATIONS: Record<string, (future: Future<number>) => unknown> = {
  done: (future) => future.done(),
  cancelled: (future) => future.cancelled(),
  result: (future) => future.result(),
  exception: (future) => messageOf(future.exception()) ?? null,
  setResult: (future) => future.setResult(2),
  setException: (future) => {
    future.setException(new RangeError('second'))
    future.exception()
  },
  cancel: (future) => future.cancel('again'),
  addDoneCallback: (future) => future.addDoneCallback(callback),
  removeDoneCallback: (future) => future.removeDoneCallback(callback),
  getLoop: (future) => future.getLoop().isRunning(),
}

class Failure extends Error {}

const STATES: Record<string, () => Future<number>> = {
  pending: () => new Future<number>(),
  finished: () => {
    const future = new Future<number>()
    future.setResult(1)
    return future
  },
  failed: () => {
    const future = new Future<number>()
    future.setException(new Failure('first'))
    future.exception()
    return future
  },
  cancelled: () => {
    const future = new Future<number>()
    future.cancel('first')
    return future
  },
}

const INVALID = 'ERR_INVALID_STATE'
const EXPECTED: Record<string, Record<string, string>> = {
  pending: {
    done: 'false',
    cancelled: 'false',
    result: INVALID,
    exception: INVALID,
    setResult: 'undefined',
    setException: 'undefined',
    cancel: 'true',
    addDoneCallback: 'undefined',
    removeDoneCallback: '0',
    getLoop: 'true',
  },
  finished: {
    done: 'true',
    cancelled: 'false',
    result: '1',
    exception: 'null',
    setResult: INVALID,
    setException: INVALID,
    cancel: 'false',
    addDoneCallback: 'undefined',
    removeDoneCallback: '0',
    getLoop: 'true',
  },
  failed: {
    done: 'true',
    cancelled: 'false',
    result: 'Failure',
    exception: "'first'",
    setResult: INVALID,
    setException: INVALID,
    cancel: 'false',
    addDoneCallback: 'undefined',
    removeDoneCallback: '0',
    getLoop: 'true',
  },
  cancelled: {
    done: 'true',
    cancelled: 'true',
    result: 'ERR_CANCELLED',
    exception: 'ERR_CANCELLED',
    setResult: INVALID,
    setException: INVALID,
    cancel: 'false',
    addDoneCallback: 'undefined',
    removeDoneCallback: '0',
    getLoop: 'true',
  },
}

for (const [state, make] of Object.entries(STATES)) {
  test(`each operation of a ${state} future does what the table says`, async () => {
    await runVirtual(async () => {
      const actual = column(make, OPERATIONS)
      assert.deepEqual(actual, EXPECTED[state])
    })
  })

  test(`waiting for a ${state} future ends the same way in both kinds of coroutine`, async () => {
    await runVirtual(async () => {
      const ends = await Promise.all(
        ['generator', 'async', 'then'].map(async (kind) => {
          const future = make()
          const waiter =
            kind === 'generator'
              ? createTask(function* () {
                  return yield* future
                })
              : kind === 'async'
                ? createTask(async () => await future)
                : createTask(() => future.then((value) => value))
          await sleep(1)
          if (!future.done()) future.setResult(1)
          try {
            return await waiter
          } catch (error) {
            return (error as Error).constructor.name
          }
        }),
      )
      const end = { pending: 1, finished: 1, failed: 'Failure', cancelled: 'CancelledError' }[state]
      assert.deepEqual(ends, [end, end, end])
    })
  })
}
