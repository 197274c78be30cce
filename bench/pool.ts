// Executors. A job that does nothing shows what Gyre adds to the pool library under it; arithmetic in chunks
// shows how near a map comes to using every core, and how late the loop's timers fire meanwhile. They are
// compared by the time that has elapsed: CPU time is that of all threads.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import {
  type Coroutine,
  type Future,
  gather,
  ProcessPoolExecutor,
  sleep,
  ThreadPoolExecutor,
} from 'gyre'
import { Piscina } from 'piscina'
import { compute } from './pool_jobs.js'
import { type OperationCase, type Own, onBothBackends, type Scenario } from './scenario.js'
import { latenessOf } from './statistics.js'

const jobs = new URL('./pool_jobs.js', import.meta.url)
const IN_FLIGHT = 16
/** So many until V8 has compiled what a job goes through, on both of its sides. */
const WARM_UP_ROUNDS = 8
const WORKERS = Math.min(2, availableParallelism())
/** One piece of arithmetic: some 5 ms. */
const ROUNDS = 10

let piscina: Piscina | null = null
let threads: ThreadPoolExecutor | null = null
let processes: ProcessPoolExecutor | null = null

function openPiscina(): Piscina {
  piscina ??= new Piscina({
    filename: fileURLToPath(jobs),
    minThreads: WORKERS,
    maxThreads: WORKERS,
    idleTimeout: Infinity,
  })
  return piscina
}

function openThreads(): ThreadPoolExecutor {
  threads ??= new ThreadPoolExecutor({ maxWorkers: WORKERS })
  return threads
}

/** `count` jobs, so many in flight at any time. */
function* inFlight(count: number, submit: () => Future<unknown>): Coroutine<void> {
  let left = count
  function* worker(): Coroutine<void> {
    while (left-- > 0) yield* submit()
  }
  yield* gather(...Array.from({ length: IN_FLIGHT }, worker))
}

const nothing: OperationCase = {
  kind: 'operation',
  isParallel: true,
  figure: 'wallNs',
  name: 'a job that does nothing',
  count: 3_000,
  warmUpRounds: WARM_UP_ROUNDS,
  arms: [
    {
      name: 'piscina',
      backend: null,
      async round(count) {
        const pool = openPiscina()
        let left = count
        const worker = async () => {
          while (left-- > 0) await pool.run(undefined)
        }
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
      },
    },
    ...onBothBackends('ThreadPoolExecutor', {
      *steps(count: number): Coroutine<void> {
        const pool = openThreads()
        yield* inFlight(count, () => pool.submit({ module: jobs }))
      },
    }),
    ...onBothBackends('ProcessPoolExecutor', {
      *steps(count: number): Coroutine<void> {
        processes ??= new ProcessPoolExecutor({ maxWorkers: WORKERS })
        const pool = processes
        yield* inFlight(count, () => pool.submit({ module: jobs }))
      },
    }),
  ],
}

const arithmetic: OperationCase = {
  kind: 'operation',
  isParallel: true,
  figure: 'wallNs',
  name: `arithmetic, a map over ${WORKERS} workers`,
  count: 40,
  arms: [
    {
      name: 'single-threaded',
      backend: null,
      round(count) {
        for (let i = 0; i < count; i++) compute(ROUNDS)
      },
    },
    ...onBothBackends('ThreadPoolExecutor.map', {
      *steps(count: number): Coroutine<void> {
        const items = new Array<number>(count).fill(ROUNDS)
        yield* openThreads()
          .map({ module: jobs, name: 'compute' }, items, { chunkSize: 5 })
          .toArray()
      },
    }),
  ],
}

/** 1 to 10 ms, one after the other. */
function delayAt(index: number): number {
  return 1 + (index % 10)
}

/** How late the timers are that fire while all workers compute. */
const timersMeanwhile: OperationCase = {
  kind: 'operation',
  isParallel: true,
  figure: 'p99Us',
  name: `timers of 1 to 10 ms during such a map`,
  count: 40,
  arms: [
    {
      name: 'setTimeout, piscina',
      backend: null,
      async round(count) {
        const pool = openPiscina()
        const lateUs: number[] = []
        const map = Promise.all(
          Array.from({ length: count }, () => pool.run(ROUNDS, { name: 'compute' })),
        )
        let isOver = false
        void map.then(() => {
          isOver = true
        })
        for (let index = 0; !isOver; index++) {
          const dueAtMs = performance.now() + delayAt(index)
          await new Promise((resolve) => setTimeout(resolve, delayAt(index)))
          lateUs.push((performance.now() - dueAtMs) * 1e3)
        }
        return latenessOf(lateUs)
      },
    },
    ...onBothBackends('sleep, ThreadPoolExecutor', {
      *steps(count: number): Coroutine<Own> {
        const items = new Array<number>(count).fill(ROUNDS)
        const map = openThreads().map({ module: jobs, name: 'compute' }, items).toArray()
        const lateUs: number[] = []
        for (let index = 0; !map.done(); index++) {
          const dueAtMs = performance.now() + delayAt(index)
          yield* sleep(delayAt(index))
          lateUs.push((performance.now() - dueAtMs) * 1e3)
        }
        return latenessOf(lateUs)
      },
    }),
  ],
}

export const pool: Scenario = {
  name: 'pool',
  title: 'Executors',
  cases: [nothing, arithmetic, timersMeanwhile],
}
