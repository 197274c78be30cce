// Every operation of a BullExecutor in every state that it, its Redis and its workers can be in.

import assert from 'node:assert/strict'
import { type Future, gather, run, sleep } from 'gyre'
import { BullExecutor } from 'gyre/bullmq'
import { startRedis, startWorker } from '../bullmq/redis.js'
import { freePort, type Peer, type Peers, testWithPeers } from '../peers/peer.js'
import { futureOutcomeOf } from './matrix.js'

/** The queue that a worker serves, and one that nobody does. */
const SERVED = 'tests'
const DESERTED = 'deserted'
/** How long Redis may be away, and for how long an operation may have no outcome. */
const LOST_MS = 400
const PENDING_MS = 1_500

interface Setting {
  executor: BullExecutor
  /** A job that was submitted when the state was brought about, where there was one. */
  job: Future<unknown> | null
}

interface StateRecipe {
  queue?: string
  /** Before it is operated on, an executor … */
  bring: (executor: BullExecutor) => Promise<{ job: Future<unknown> | null }>
  /** … and all of them together. */
  bringRedis?: (redis: Peer) => Promise<void>
  isRedisThere?: boolean
}

const connected = async (executor: BullExecutor) => void (await executor.submit('double', 1))
const WITHOUT_JOB = { job: null }

const STATES: Record<string, StateRecipe> = {
  'not connected yet': { bring: async () => WITHOUT_JOB },
  idle: {
    bring: async (executor) => {
      await connected(executor)
      return WITHOUT_JOB
    },
  },
  full: {
    bring: async (executor) => {
      await connected(executor)
      const job = executor.submit('slowly', 300)
      executor.submit('slowly', 300)
      return { job }
    },
  },
  'without workers': {
    queue: DESERTED,
    bring: async (executor) => ({ job: executor.submit('double', 2) }),
  },
  'shutting down': {
    bring: async (executor) => {
      const job = executor.submit('slowly', 300)
      void executor.shutdown()
      return { job }
    },
  },
  'shut down': {
    bring: async (executor) => {
      await connected(executor)
      await executor.shutdown()
      return WITHOUT_JOB
    },
  },
  'cut off from Redis': {
    bring: async (executor) => {
      await connected(executor)
      return { job: executor.submit('slowly', 60_000) }
    },
    bringRedis: async (redis) => {
      await redis.stop()
      await sleep(50)
    },
  },
  'where no Redis is': { isRedisThere: false, bring: async () => WITHOUT_JOB },
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
const DOWN = 'ERR_EXECUTOR_SHUT_DOWN'
const FULL = 'ERR_QUEUE_FULL'
const AWAY = 'rejects ERR_QUEUE_CONNECTION'

/** By columns: the operations, in their order. */
const TABLE: Record<string, string[]> = {
  'not connected yet': ['10', '2,4', DONE, DONE, 'true', NONE, NO_JOB, '0'],
  idle: ['10', '2,4', DONE, DONE, 'true', NONE, NO_JOB, '0'],
  full: [FULL, '2,4', DONE, DONE, `rejects ${FULL}`, 'true', 'after 300', '2'],
  'without workers': ['pending', 'pending', 'pending', DONE, 'true', 'true', 'pending', '1'],
  'shutting down': [DOWN, DOWN, DONE, DONE, `rejects ${DOWN}`, 'true', 'after 300', '1'],
  'shut down': [DOWN, DOWN, DONE, DONE, `rejects ${DOWN}`, NONE, NO_JOB, '0'],
  'cut off from Redis': [AWAY, AWAY, DONE, DONE, 'true', 'true', AWAY, '1'],
  'where no Redis is': [AWAY, AWAY, DONE, DONE, 'true', NONE, NO_JOB, '0'],
}

/** Brings an executor for each operation into the state, and then operates on all of them. */
async function operateIn(recipe: StateRecipe, port: number, redis: Peer | null): Promise<string[]> {
  const { queue = SERVED, bring, bringRedis } = recipe
  const settings: Setting[] = []
  for (const _ of Object.keys(OPERATIONS)) {
    const executor = new BullExecutor({
      queue,
      connection: { host: '127.0.0.1', port },
      maxQueue: 2,
      lostMs: LOST_MS,
    })
    settings.push({ executor, ...(await bring(executor)) })
  }
  if (redis !== null) await bringRedis?.(redis)
  const limitMs = redis === null ? 20_000 : PENDING_MS
  const outcomes = Object.values(OPERATIONS).map(
    (operate, index) => () => futureOutcomeOf(() => operate(settings[index] as Setting), limitMs),
  )
  try {
    return await gather(...outcomes)
  } finally {
    await gather(...settings.map(({ executor }) => executor.shutdown({ cancelFutures: true })))
  }
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
