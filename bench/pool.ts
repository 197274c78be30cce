// Executors. A job that does nothing shows what Gyre adds to the pool library under it; arithmetic in chunks
// shows how near a map comes to using every core. `elapsed` is what counts: CPU time is that of all threads.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Coroutine, gather, ProcessPoolExecutor, ThreadPoolExecutor } from 'gyre'
import { Piscina } from 'piscina'
import { compute } from './pool_jobs.js'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

const jobs = new URL('./pool_jobs.js', import.meta.url)
const IN_FLIGHT = 16
const WORKERS = Math.min(2, availableParallelism())
/** One piece of arithmetic: some 5 ms. */
const ROUNDS = 10

let piscina: Piscina | null = null
let threads: ThreadPoolExecutor | null = null
let processes: ProcessPoolExecutor | null = null

/** `count` jobs, so many in flight at any time. */
function* inFlight(count: number, submit: () => Coroutine<unknown>): Coroutine<void> {
  let left = count
  function* worker(): Coroutine<void> {
    while (left-- > 0) yield* submit()
  }
  yield* gather(...Array.from({ length: IN_FLIGHT }, worker))
}

const nothing: OperationCase = {
  kind: 'operation',
  isParallel: true,
  name: 'a job that does nothing',
  count: 3_000,
  arms: [
    {
      name: 'piscina',
      backend: null,
      async round(count) {
        piscina ??= new Piscina({
          filename: fileURLToPath(jobs),
          minThreads: WORKERS,
          maxThreads: WORKERS,
          idleTimeout: Infinity,
        })
        const pool = piscina
        let left = count
        const worker = async () => {
          while (left-- > 0) await pool.run(undefined)
        }
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
      },
    },
    ...onBothBackends('ThreadPoolExecutor', {
      *steps(count: number): Coroutine<void> {
        threads ??= new ThreadPoolExecutor({ maxWorkers: WORKERS })
        const pool = threads
        yield* inFlight(count, function* () {
          yield* pool.submit({ module: jobs })
        })
      },
    }),
    ...onBothBackends('ProcessPoolExecutor', {
      *steps(count: number): Coroutine<void> {
        processes ??= new ProcessPoolExecutor({ maxWorkers: WORKERS })
        const pool = processes
        yield* inFlight(count, function* () {
          yield* pool.submit({ module: jobs })
        })
      },
    }),
  ],
}

const arithmetic: OperationCase = {
  kind: 'operation',
  isParallel: true,
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
        threads ??= new ThreadPoolExecutor({ maxWorkers: WORKERS })
        const items = new Array<number>(count).fill(ROUNDS)
        yield* threads.map({ module: jobs, name: 'compute' }, items, { chunkSize: 5 }).toArray()
      },
    }),
  ],
}

export const pool: Scenario = {
  name: 'pool',
  title: 'Executors',
  cases: [nothing, arithmetic],
}
