// Every operation of an executor in every state that it can be in, and of its jobs.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Executor, type ExecutorOptions, type Future, run, sleep } from 'gyre'
import { KINDS, type Kind } from '../executors/on_pools.js'
import { futureOutcomeOf } from './matrix.js'

const hold = () => new Promise((resolve) => setTimeout(resolve, 40, 'held'))
const OPTIONS: ExecutorOptions = { maxWorkers: 1, maxQueue: 1 }
const broken = { initializer: () => Promise.reject(new Error('no')) }

/** Brings a fresh executor into a state. */
const STATES: Record<string, { options?: ExecutorOptions; bring: (e: Executor) => Promise<void> }> =
  {
    'not used yet': { bring: async () => {} },
    idle: { bring: async (executor) => void (await executor.submit(() => 1)) },
    busy: { bring: async (executor) => ignore(executor.submit(hold)) },
    full: {
      bring: async (executor) => {
        for (let i = 0; i < 2; i++) ignore(executor.submit(hold))
      },
    },
    'shutting down': {
      bring: async (executor) => {
        ignore(executor.submit(hold))
        ignore(executor.shutdown())
      },
    },
    'shut down': { bring: async (executor) => void (await executor.shutdown()) },
    broken: {
      options: broken,
      bring: async (executor) => void (await executor.submit(() => 1).then(null, () => {})),
    },
  }

function ignore(future: Future<unknown>): void {
  future.addDoneCallback((done) => done.cancelled() || done.exception())
}

const OPERATIONS: Record<string, (executor: Executor) => unknown> = {
  submit: (executor) => executor.submit((x: number) => x, 5),
  map: (executor) => executor.map((x: number) => x, [1, 2]).toArray(),
  shutdown: (executor) => executor.shutdown(),
  'shutdown at once': (executor) => executor.shutdown({ wait: false, cancelFutures: true }),
  'cancel a new job': async (executor) => {
    const job = executor.submit(hold)
    job.cancel()
    await sleep(0)
    return job.cancelled()
  },
  queueSize: (executor) => Promise.resolve(executor.queueSize),
}

const DONE = 'undefined'
const DOWN = 'ERR_EXECUTOR_SHUT_DOWN'
const GONE = `rejects ${DOWN}`
const BROKEN = 'ERR_EXECUTOR_BROKEN'

/** By columns: submit, map, shutdown, shutdown at once, cancel a new job, queueSize. */
const TABLE: Record<string, string[]> = {
  'not used yet': ['5', '1,2', DONE, DONE, 'true', '0'],
  idle: ['5', '1,2', DONE, DONE, 'true', '0'],
  busy: ['5', '1,2', DONE, DONE, 'true', '0'],
  full: ['ERR_QUEUE_FULL', '1,2', DONE, DONE, 'rejects ERR_QUEUE_FULL', '1'],
  'shutting down': [DOWN, DOWN, DONE, DONE, GONE, '0'],
  'shut down': [DOWN, DOWN, DONE, DONE, GONE, '0'],
  broken: [BROKEN, BROKEN, DONE, DONE, `rejects ${BROKEN}`, '0'],
}

for (const kind of Object.keys(KINDS) as Kind[]) {
  for (const [state, { options, bring }] of Object.entries(STATES)) {
    test(`${kind}: each operation of an executor that is ${state} does what the table says`, {
      timeout: 60_000,
    }, async () => {
      await run(async () => {
        const actual: string[] = []
        for (const operate of Object.values(OPERATIONS)) {
          const executor = new KINDS[kind]({ ...OPTIONS, ...options })
          await bring(executor)
          actual.push(await futureOutcomeOf(() => operate(executor)))
          await executor.shutdown({ cancelFutures: true })
        }
        assert.deepEqual(actual, TABLE[state])
      })
    })
  }
}
