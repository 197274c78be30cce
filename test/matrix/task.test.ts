// Every operation of a Task in every state it can be in, for both kinds of coroutine.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allTasks, CancelledError, createTask, Future, sleep, type Task } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { outcomeOf } from './matrix.js'

type Kind = 'generator' | 'async'

/** A task that waits once for `gate`, and then ends as `end` says. */
function gated(kind: Kind, gate: Future<void>, end: () => number): Task<number> {
  return kind === 'generator'
    ? createTask(function* () {
        yield* gate
        return end()
      })
    : createTask(async () => {
        await gate
        return end()
      })
}

/** A task that does not let itself be cancelled while it waits for `gate`. */
function stubborn(kind: Kind, gate: Future<void>): Task<number> {
  return kind === 'generator'
    ? createTask(function* () {
        for (;;) {
          try {
            yield* sleep(50)
            return 1
          } catch {}
        }
      })
    : createTask(async () => {
        for (;;) {
          try {
            await sleep(50)
            return gate.done() ? 2 : 1
          } catch {}
        }
      })
}

const fail = () => {
  throw new RangeError('failed')
}

/** In a box: a task that an async function returns would be waited for. */
interface Box {
  task: Task<number>
}

const STATES: Record<string, (kind: Kind) => Promise<Box>> = {
  created: async (kind) => ({ task: gated(kind, new Future<void>(), () => 1) }),
  waiting: async (kind) => {
    const task = gated(kind, new Future<void>(), () => 1)
    await sleep(1)
    return { task }
  },
  woken: async (kind) => {
    const gate = new Future<void>()
    const task = gated(kind, gate, () => 1)
    await sleep(1)
    gate.setResult()
    return { task }
  },
  cancelling: async (kind) => {
    const task = stubborn(kind, new Future<void>())
    await sleep(1)
    task.cancel()
    await sleep(1)
    return { task }
  },
  finished: async (kind) => {
    const gate = new Future<void>()
    gate.setResult()
    const task = gated(kind, gate, () => 1)
    await sleep(1)
    return { task }
  },
  failed: async (kind) => {
    const gate = new Future<void>()
    gate.setResult()
    const task = gated(kind, gate, fail)
    await sleep(1)
    task.exception()
    return { task }
  },
  cancelled: async (kind) => {
    const task = gated(kind, new Future<void>(), () => 1)
    await sleep(1)
    task.cancel('first')
    await sleep(1)
    return { task }
  },
}

const OPERATIONS: Record<string, (task: Task<number>) => unknown> = {
  done: (task) => task.done(),
  cancelled: (task) => task.cancelled(),
  cancelling: (task) => task.cancelling(),
  result: (task) => task.result(),
  exception: (task) => (task.exception() as Error | null)?.message ?? null,
  setResult: (task) => task.setResult(5),
  setException: (task) => task.setException(new Error('x')),
  cancel: (task) => task.cancel('again'),
  uncancel: (task) => task.uncancel(),
  aborted: (task) => task.signal.aborted,
  listed: (task) => allTasks().has(task),
  rename: (task) => {
    task.setName('renamed')
    return task.getName()
  },
}

const NAMES = Object.keys(OPERATIONS)
const PENDING = 'ERR_INVALID_STATE'
const FIXED = 'ERR_TASK_RESULT'
const GONE = 'ERR_CANCELLED'

// One column for each state, in the order of OPERATIONS.
const TABLE: Record<string, readonly string[]> = {
  created: ['false', 'false', '0', PENDING, PENDING, FIXED, FIXED, 'true', '0', 'false', 'true'],
  waiting: ['false', 'false', '0', PENDING, PENDING, FIXED, FIXED, 'true', '0', 'false', 'true'],
  woken: ['false', 'false', '0', PENDING, PENDING, FIXED, FIXED, 'true', '0', 'false', 'true'],
  cancelling: ['false', 'false', '1', PENDING, PENDING, FIXED, FIXED, 'true', '0', 'true', 'true'],
  finished: ['true', 'false', '0', '1', 'null', FIXED, FIXED, 'false', '0', 'false', 'false'],
  failed: [
    'true',
    'false',
    '0',
    'RangeError',
    "'failed'",
    FIXED,
    FIXED,
    'false',
    '0',
    'false',
    'false',
  ],
  cancelled: ['true', 'true', '1', GONE, GONE, FIXED, FIXED, 'false', '0', 'true', 'false'],
}

/** How a task ends that was cancelled in this state and then left alone. */
const ENDS: Record<string, string> = {
  created: 'cancelled: again',
  waiting: 'cancelled: again',
  woken: 'cancelled: again',
  cancelling: 'result 1',
  finished: 'result 1',
  failed: 'error failed',
  cancelled: 'cancelled: first',
}

async function endOf(task: Task<number>): Promise<string> {
  try {
    return `result ${await task}`
  } catch (error) {
    if (error instanceof CancelledError) return `cancelled: ${error.reason}`
    return `error ${(error as Error).message}`
  }
}

for (const kind of ['generator', 'async'] as const) {
  for (const [state, make] of Object.entries(STATES)) {
    test(`each operation of a ${kind} task that is ${state} does what the table says`, async () => {
      await runVirtual(async () => {
        const actual: Record<string, string> = {}
        for (const name of NAMES) {
          const { task } = await make(kind)
          actual[name] = outcomeOf(() => OPERATIONS[name]?.(task))
        }
        const cells = [...(TABLE[state] as string[]), "'renamed'"]
        assert.deepEqual(actual, Object.fromEntries(NAMES.map((name, i) => [name, cells[i]])))
      })
    })

    test(`a ${kind} task that is cancelled while ${state} ends as the table says`, async () => {
      await runVirtual(async () => {
        const { task } = await make(kind)
        task.cancel('again')
        assert.equal(await endOf(task), ENDS[state])
      })
    })
  }
}
