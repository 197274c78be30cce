// Workers that die: their job fails with what is known of it, and another worker takes their place.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { ResourceLimits } from 'node:worker_threads'
import {
  BrokenExecutorError,
  getRunningLoop,
  ProcessPoolExecutor,
  run,
  sleep,
  ThreadPoolExecutor,
  WorkerDiedError,
} from 'gyre'
import { runProgram } from '../program.js'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'
import { jobs, onBothPools, onPool } from './on_pools.js'

onBothPools(
  'process.exit in a job fails the job, and the next one runs',
  { maxWorkers: 1 },
  async (executor) => {
    const job = executor.submit(() => {
      process.exit(3)
    })
    const next = executor.submit(() => 'alive')
    const error = await rejectionOf(job)
    assert.ok(error instanceof WorkerDiedError)
    assert.deepEqual([error.code, error.exitCode, error.signal], ['ERR_WORKER_DIED', 3, null])
    assert.equal(await next, 'alive')
  },
)

onBothPools(
  'an error outside of the job, in its worker, fails the job',
  { maxWorkers: 1 },
  async (executor, kind) => {
    const error = await rejectionOf(
      executor.submit(async () => {
        setImmediate(() => {
          throw new Error('stray')
        })
        await new Promise((resolve) => setTimeout(resolve, 30_000))
      }),
    )
    assert.equal(codeOf(error), 'ERR_WORKER_DIED')
    if (kind === 'threads') assert.match(String(messageOf(error)), /stray/)
    assert.equal(await executor.submit(() => 1), 1)
  },
)

onPool('processes', 'a process that is killed fails its job alone', {}, async (executor) => {
  const pids = await Promise.all([1, 2].map(() => executor.submit(() => process.pid)))
  const neighbour = executor.submit(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    return process.pid
  })
  const error = await rejectionOf(
    executor.submit(() => {
      process.kill(process.pid, 'SIGKILL')
      for (;;) Math.random()
    }),
  )
  assert.ok(error instanceof WorkerDiedError)
  assert.deepEqual([error.exitCode, error.signal], [null, 'SIGKILL'])
  assert.ok(pids.includes(await neighbour))
})

onPool('processes', 'a segmentation fault fails its job alone', {}, async (executor) => {
  const error = await rejectionOf(executor.submit(() => process.kill(process.pid, 'SIGSEGV')))
  assert.equal((error as WorkerDiedError).signal, 'SIGSEGV')
  assert.equal(await executor.submit(() => 'alive'), 'alive')
})

/** Uses up the memory of its worker. */
const hoard = () => {
  const kept: number[][] = []
  for (;;) kept.push(new Array<number>(10_000).fill(kept.length))
}

test('threads: a job that runs out of memory fails alone', { timeout: 60_000 }, async () => {
  await run(async () => {
    const limits = { maxOldGenerationSizeMb: 16 }
    const executor = new ThreadPoolExecutor({ maxWorkers: 1, resourceLimits: limits })
    const error = await rejectionOf(executor.submit(hoard))
    assert.equal(codeOf(error), 'ERR_WORKER_DIED')
    assert.equal(codeOf((error as Error).cause), 'ERR_WORKER_OUT_OF_MEMORY')
    assert.equal(await executor.submit(() => 'alive'), 'alive')
    await executor.shutdown()
  })
})

test('processes: a job that runs out of memory fails alone', { timeout: 60_000 }, async () => {
  await run(async () => {
    const execArgv = ['--max-old-space-size=16']
    const executor = new ProcessPoolExecutor({ maxWorkers: 1, execArgv })
    const error = await rejectionOf(executor.submit(hoard))
    assert.equal(codeOf(error), 'ERR_WORKER_DIED')
    assert.equal((error as WorkerDiedError).signal, 'SIGABRT')
    assert.equal(await executor.submit(() => 'alive'), 'alive')
    await executor.shutdown()
  })
})

test('a process that cannot be started fails the job', { timeout: 60_000 }, async () => {
  await run(async () => {
    const executor = new ProcessPoolExecutor({ execArgv: ['--no-such-option-at-all'] })
    const error = await rejectionOf(executor.submit(() => 1))
    assert.equal(codeOf(error), 'ERR_WORKER_DIED')
    assert.equal((error as WorkerDiedError).exitCode, 9)
    await executor.shutdown()
  })
})

test('threads that cannot be started fail their jobs', { timeout: 60_000 }, async () => {
  await run(async () => {
    const reports: unknown[] = []
    getRunningLoop().setExceptionHandler((_loop, { message }) => reports.push(message))
    // From Node 22 on, less than 3 MB takes the whole process down: V8 cannot read its snapshot.
    const resourceLimits = { maxOldGenerationSizeMb: 4, maxYoungGenerationSizeMb: 1 }
    const executor = new ThreadPoolExecutor({ maxWorkers: 2, resourceLimits })
    const both = [1, 2].map((x) => executor.submit((y: number) => y, x))
    for (const job of both) assert.equal(codeOf(await rejectionOf(job)), 'ERR_WORKER_DIED')
    await executor.shutdown()
    assert.ok(reports.every((message) => message === 'Error in a worker that runs no job'))
  })
})

/** No system has room for a stack of a petabyte. */
const NO_THREADS = { stackSizeMb: 1e9 }

test('a thread that the system does not start fails its job alone', {
  timeout: 60_000,
}, async () => {
  await run(async () => {
    // They are looked at for each thread anew.
    const resourceLimits: ResourceLimits = {}
    const executor = new ThreadPoolExecutor({ maxWorkers: 2, resourceLimits })
    const calls = new Int32Array(new SharedArrayBuffer(8))
    const first = executor.submit((words) => void Atomics.wait(words, 0, 0), calls)
    Object.assign(resourceLimits, NO_THREADS)
    // More than there are workers, as each must leave its place to the next.
    for (let i = 0; i < 5; i++) {
      const error = await rejectionOf(
        executor.submit((words) => void Atomics.add(words, 1, 1), calls),
      )
      assert.ok(error instanceof WorkerDiedError)
      assert.match(error.message, /^no worker thread could be started: /)
      assert.equal(codeOf(error.cause), 'ERR_WORKER_INIT_FAILED')
    }
    Object.assign(resourceLimits, { stackSizeMb: 4 })
    Atomics.store(calls, 0, 1)
    Atomics.notify(calls, 0)
    await first
    assert.deepEqual(
      await Promise.all([1, 2, 3].map((x) => executor.submit((y) => y, x))),
      [1, 2, 3],
    )
    assert.equal(calls[1], 0, 'a job that had failed was run')
    await executor.shutdown()
  })
})

test('a pool whose threads the system does not start can be shut down', {
  timeout: 60_000,
}, async () => {
  const { stdout, stderr, code } = await runProgram(`
    import { run, ThreadPoolExecutor } from 'gyre'
    const executor = new ThreadPoolExecutor({ resourceLimits: { stackSizeMb: 1e9 } })
    await run(async () => {
      await executor.submit(() => 1).catch((error) => console.log(error.code))
      await executor.shutdown()
    })`)
  assert.deepEqual({ stdout, stderr, code }, { stdout: 'ERR_WORKER_DIED\n', stderr: '', code: 0 })
})

test('a process whose environment is too large fails the job', { timeout: 60_000 }, async () => {
  await run(async () => {
    const env = { LARGE: 'x'.repeat(1 << 20) }
    await using executor = new ProcessPoolExecutor({ maxWorkers: 1, env })
    const error = await rejectionOf(executor.submit(() => 1))
    assert.ok(error instanceof WorkerDiedError)
    assert.equal(codeOf(error.cause), 'E2BIG')
  })
})

onPool(
  'threads',
  'a worker that dies while it is idle is reported, and replaced',
  { maxWorkers: 1 },
  async (executor) => {
    const reports: unknown[] = []
    getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
    await executor.submit(async () => {
      // The thread sleeps when it is idle, but for a job that is waited for.
      queueMicrotask(() => queueMicrotask(() => Promise.reject(new Error('behind the job'))))
    })
    while (reports.length === 0) {
      await executor
        .submit(async () => await new Promise((resolve) => setImmediate(resolve)))
        .catch((error) => reports.push({ exception: error }))
      await sleep(5)
    }
    assert.equal(await executor.submit(() => 'alive'), 'alive')
  },
)

onBothPools(
  'the initializer runs once in each worker, before its first job',
  { maxWorkers: 2, initializer: { module: jobs, name: 'setUp' }, initArgs: ['ready'] },
  async (executor) => {
    const tags = await Promise.all(
      Array.from({ length: 8 }, () => executor.submit({ module: jobs, name: 'tagOfWorker' })),
    )
    assert.deepEqual(tags, Array(8).fill('ready 1'))
  },
)

onBothPools(
  'an initializer that fails breaks the executor',
  { maxWorkers: 1, initializer: { module: jobs, name: 'refuseToStart' } },
  async (executor) => {
    const first = executor.submit(() => 1)
    const second = executor.submit(() => 2)
    for (const job of [first, second]) {
      const error = await rejectionOf(job)
      assert.ok(error instanceof BrokenExecutorError)
      assert.ok((error as Error).cause instanceof RangeError)
      assert.match(String(messageOf(error)), /initializer.*no licence/)
    }
    assert.equal(codeOf(thrownBy(() => executor.submit(() => 3))), 'ERR_EXECUTOR_BROKEN')
  },
)
