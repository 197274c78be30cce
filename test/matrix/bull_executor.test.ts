// Every operation of a BullExecutor in every state that it, its Redis and its workers can be in.

import assert from 'node:assert/strict'
import { type Future, run, sleep } from 'gyre'
import { BullExecutor } from 'gyre/bullmq'
import { startRedis, startWorker } from '../bullmq/redis.js'
import { freePort, type Peer, type Peers, testWithPeers } from '../peers/peer.js'
import { futureOutcomeOf } from './matrix.js'

/** The queue that a worker serves, and one that nobody does. */
const SERVED = 'tests'
const DESERTED = 'deserted'
/** How long Redis may be away, and after how long an operation without an outcome is pending. */
const LOST_MS = 400
const PENDING_MS = 8_000
const HELD_MS = 500

interface Setting {
  executor: BullExecutor
  /** A job that was submitted when the state was brought about, where there was one. */
  job: Future<unknown> | null
}

interface StateRecipe {
  queue?: string
  isRedisThere?: boolean
  /** What has happened some time before; by default it is connected. */
  prepare?: (executor: BullExecutor) => Promise<unknown>
  /** What happens right before the operation. */
  bring?: (executor: BullExecutor) => Future<unknown>
  /** What happens to the Redis of all in between. */
  bringRedis?: (redis: Peer) => Promise<void>
}

const NOTHING = async () => {}

const STATES: Record<string, StateRecipe> = {
  'not connected yet': { prepare: NOTHING },
  idle: {},
  full: {
    bring: (executor) => {
      executor.submit('slowly', HELD_MS)
      return executor.submit('slowly', HELD_MS)
    },
  },
  'without workers': {
    queue: DESERTED,
    prepare: NOTHING,
    bring: (executor) => executor.submit('double', 2),
  },
  'shutting down': {
    bring: (executor) => {
      const job = executor.submit('slowly', HELD_MS)
      void executor.shutdown()
      return job
    },
  },
  'shut down': {
    prepare: async (executor) => {
      await executor.submit('double', 1)
      await executor.shutdown()
    },
  },
  'cut off from Redis': {
    bringRedis: async (redis) => {
      await redis.stop()
      await sleep(50)
    },
  },
  'cut off from Redis in the midst of a job': {
    bring: (executor) => executor.submit('slowly', 60_000),
    bringRedis: async (redis) => {
      await sleep(100)
      await redis.stop()
      await sleep(50)
    },
  },
  'where no Redis is': { isRedisThere: false, prepare: NOTHING },
}

const OPERATIONS: Record<string, (setting: Setting) => unknown> = {
  submit: ({ executor }) => executor.submit('double', 5),
  map: ({ executor }) => executor.map('double', [1, 2]).toArray(),
  shutdown: ({ executor }) => executor.shutdown(),
  'shutdown at once': ({ executor }) => executor.shutdown({ wait: false, cancelFutures: true }),
  'cancel a new job': async ({ executor }) => {
    const job = executor.submit('slowly', 60_000)
    job.cancel()
    await sleep(0)
    return job.cancelled()
  },
  'cancel its job': async ({ job }) => {
    const couldCancel = job?.cancel()
    await sleep(0)
    return couldCancel
  },
  'wait for its job': ({ job }) => job ?? Promise.resolve(null),
  queueSize: ({ executor }) => Promise.resolve(executor.queueSize),
}

const DONE = 'undefined'
const NONE = 'undefined'
const NO_JOB = 'null'
const HELD = `after ${HELD_MS}`
const DOWN = 'ERR_EXECUTOR_SHUT_DOWN'
const FULL = 'ERR_QUEUE_FULL'
const AWAY = 'rejects ERR_QUEUE_CONNECTION'

/** By columns: the operations, in their order. */
const TABLE: Record<string, string[]> = {
  'not connected yet': ['10', '2,4', DONE, DONE, 'true', NONE, NO_JOB, '0'],
  idle: ['10', '2,4', DONE, DONE, 'true', NONE, NO_JOB, '0'],
  full: [FULL, '2,4', DONE, DONE, `rejects ${FULL}`, 'true', HELD, '2'],
  'without workers': ['pending', 'pending', 'pending', DONE, 'true', 'true', 'pending', '1'],
  'shutting down': [DOWN, DOWN, DONE, DONE, `rejects ${DOWN}`, 'true', HELD, '1'],
  'shut down': [DOWN, DOWN, DONE, DONE, `rejects ${DOWN}`, NONE, NO_JOB, '0'],
  'cut off from Redis': [AWAY, AWAY, DONE, DONE, 'true', NONE, NO_JOB, '0'],
  'cut off from Redis in the midst of a job': [
    ...[AWAY, AWAY, DONE, DONE, 'true', 'true', AWAY, '1'],
  ],
  'where no Redis is': [AWAY, AWAY, DONE, DONE, 'true', NONE, NO_JOB, '0'],
}

/** Brings an executor for each operation into the state, and operates on all of them. */
async function operateIn(recipe: StateRecipe, port: number, redis: Peer | null): Promise<string[]> {
  const { queue = SERVED, bring, bringRedis } = recipe
  const prepare = recipe.prepare ?? ((executor) => Promise.resolve(executor.submit('double', 1)))
  const connection = { host: '127.0.0.1', port }
  const executors = Object.keys(OPERATIONS).map(
    () => new BullExecutor({ queue, connection, maxQueue: 2, lostMs: LOST_MS }),
  )
  try {
    await Promise.all(executors.map(prepare))
    if (bringRedis === undefined || redis === null) {
      return await Promise.all(executors.map((executor, i) => operate(i, settingOf(executor))))
    }
    const settings = executors.map(settingOf)
    await bringRedis(redis)
    return await Promise.all(settings.map((setting, i) => operate(i, setting)))
  } finally {
    await Promise.all(executors.map((executor) => executor.shutdown({ cancelFutures: true })))
  }

  function settingOf(executor: BullExecutor): Setting {
    const job = bring?.(executor) ?? null
    // Not every operation looks at it.
    job?.addDoneCallback((done) => done.cancelled() || done.exception())
    return { executor, job }
  }
}

function operate(index: number, setting: Setting): Promise<string> {
  const operation = Object.values(OPERATIONS)[index]
  return futureOutcomeOf(() => operation?.(setting), PENDING_MS)
}

for (const [state, recipe] of Object.entries(STATES)) {
  testWithPeers(
    ['redis-server'],
    `each operation of a BullExecutor that is ${state} does what the table says`,
    async (peers: Peers) => {
      const port = await freePort()
      const isThere = recipe.isRedisThere ?? true
      const redis = isThere ? await startRedis(peers, port) : null
      if (isThere) await startWorker(peers, port)
      const actual = await run(() => operateIn(recipe, port, redis))
      assert.deepEqual(actual, TABLE[state])
    },
  )
}
