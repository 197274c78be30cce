// BullExecutor and serveJobs, with a Redis of their own and workers in processes of their own.

import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as setTimeoutPromise } from 'node:timers/promises'
import { isCancelled, run, sleep, TimeoutError } from 'gyre'
import { BullExecutor, type BullExecutorOptions, serveJobs } from 'gyre/bullmq'
import { freePort, type Peer, type Peers, testWithPeers } from '../peers/peer.js'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'
import { redisSays, startRedis, startWorker } from './redis.js'

/** What an outage would bring about, for the test that cannot time one. */
interface Inside {
  readonly queue: { getJob(id: string): Promise<unknown> }
  readonly events: { removeAllListeners(name: string): void }
  lostTimer: NodeJS.Timeout | null
  found(): Promise<void>
}

interface Setting {
  peers: Peers
  executor: BullExecutor
  redis: Peer
  port: number
}

/** Declares a test with a Redis, a worker, and an executor that is shut down at its end. */
function testWithRedis(
  name: string,
  options: Partial<BullExecutorOptions>,
  body: (setting: Setting) => Promise<void>,
): void {
  testWithPeers(['redis-server'], name, async (peers) => {
    const port = await freePort()
    const redis = await startRedis(peers, port)
    await startWorker(peers, port)
    await run(async () => {
      const connection = { host: '127.0.0.1', port }
      const executor = new BullExecutor({ queue: 'tests', connection, ...options })
      try {
        await body({ peers, executor, redis, port })
      } finally {
        await executor.shutdown({ cancelFutures: true })
      }
    })
  })
}

testWithRedis('named jobs run in a worker, and results come back', {}, async ({ executor }) => {
  assert.equal(await executor.submit<number>('double', 21), 42)
  assert.equal(await executor.submit('greet', 'ada', { loud: true }), 'ADA')
  assert.equal(await executor.submit('slowly', 5), 'after 5')
  assert.equal(await executor.submit('nothing'), undefined)
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, i) => executor.submit<number>('double', i)),
  )
  assert.deepEqual(
    all,
    Array.from({ length: 100 }, (_, i) => 2 * i),
  )
})

testWithRedis('map is ordered, lazy and chunked', {}, async ({ executor }) => {
  const pulled: number[] = []
  function* source() {
    for (let i = 0; ; i++) {
      pulled.push(i)
      yield i
    }
  }
  const seen: number[] = []
  for await (const x of executor.map<number>('double', source(), { chunkSize: 5, bufferSize: 2 })) {
    seen.push(x)
    if (seen.length === 20) break
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => 2 * i),
  )
  assert.ok(pulled.length <= 40, `${pulled.length} pulled`)
  const results = executor.map<number>('fussy', [1, 2, 3, 4, 5], { chunkSize: 3 })
  const before = [await results.next(), await results.next(), await results.next()]
  assert.deepEqual(
    before.map(({ value }) => value),
    [1, 2, 3],
  )
  assert.ok((await rejectionOf(results.next())) instanceof TypeError)
})

testWithRedis('errors come back as themselves', {}, async ({ executor }) => {
  const error = (await rejectionOf(executor.submit('fail', 'E_MINE'))) as RangeError
  assert.ok(error instanceof RangeError)
  assert.equal(error.message, 'out of it')
  assert.equal(codeOf(error), 'E_MINE')
  assert.deepEqual((error as { details?: unknown }).details, { left: 3 })
  const missing = await rejectionOf(executor.submit('noSuchJob'))
  assert.equal(codeOf(missing), 'ERR_JOB_MODULE')
  assert.match(String(messageOf(missing)), /no job 'noSuchJob'; it has double, greet/)
  const unsendable = await rejectionOf(executor.submit('map'))
  assert.equal(codeOf(unsendable), 'ERR_NOT_SENDABLE')
})

testWithRedis('a job is tried again', { attempts: 3, backoffMs: 1 }, async ({ executor }) => {
  assert.equal(await executor.submit('failTwice'), 0)
})

testWithRedis('a try that takes too long fails', { timeoutMs: 50 }, async ({ executor }) => {
  assert.ok((await rejectionOf(executor.submit('slowly', 60_000))) instanceof TimeoutError)
  assert.equal(await executor.submit('double', 1), 2)
})

testWithRedis('cancelling reaches jobs that run, and those that wait', {}, async ({ executor }) => {
  for (const name of ['cleaningUp', 'untilSignal']) {
    const job = executor.submit(name, name)
    while ((await executor.submit('hasBegun', name)) !== true) await sleep(5)
    job.cancel()
    assert.ok(isCancelled(await rejectionOf(job)))
    while ((await executor.submit('wasCleaned', name)) !== true) await sleep(5)
  }
  const many = Array.from({ length: 60 }, (_, i) => executor.submit('cleaningUp', `job ${i}`))
  for (const job of many) job.cancel()
  assert.equal(executor.queueSize, 0)
  assert.equal(await executor.submit('double', 4), 8)
})

testWithRedis('a job survives a worker that is killed', {}, async ({ executor, peers, port }) => {
  const workers = [await startWorker(peers, port)]
  while ((await executor.submit('whoAfter', 0)) !== workers[0]?.pid) await sleep(5)
  const jobs = Array.from({ length: 30 }, () => executor.submit<number>('whoAfter', 1_500))
  await sleep(500)
  process.kill((workers[0] as Peer).pid, 'SIGKILL')
  const pids = new Set(await Promise.all(jobs))
  assert.ok(!pids.has((workers[0] as Peer).pid))
})

testWithRedis(
  'a worker that is told to end finishes its jobs',
  {},
  async ({ executor, peers, port }) => {
    const job = executor.submit<number>('whoAfter', 600)
    await sleep(300)
    const second = await startWorker(peers, port)
    const more = Array.from({ length: 30 }, () => executor.submit<number>('whoAfter', 400))
    await sleep(200)
    process.kill(second.pid, 'SIGTERM')
    await Promise.all([job, ...more])
    assert.equal(await second.ended, 0)
  },
)

testWithRedis(
  'a Redis that comes back has lost nothing',
  // More than a timer of Node's can wait for.
  { lostMs: 2 ** 31 },
  async ({ executor, peers, redis, port }) => {
    await executor.submit('double', 1)
    const job = executor.submit('slowly', 300)
    await sleep(100)
    await redis.stop()
    await sleep(500)
    await startRedis(peers, port)
    assert.equal(await job, 'after 300')
    assert.equal(await executor.submit('double', 5), 10)
  },
)

testWithRedis(
  'a job that ends while it is asked for after an outage has its result',
  {},
  async ({ executor }) => {
    await executor.submit('double', 1)
    const inner = executor as unknown as Inside
    // The event is late, and so is the answer: what it says was read while the job still ran.
    inner.events.removeAllListeners('completed')
    const getJob = inner.queue.getJob.bind(inner.queue)
    inner.queue.getJob = async (id) => {
      const job = await getJob(id)
      await setTimeoutPromise(600)
      return job
    }
    const job = executor.submit('slowly', 300)
    await sleep(50)
    for (let i = 0; i < 2; i++) {
      inner.lostTimer = setTimeout(() => {}, 60_000)
      await inner.found()
    }
    assert.equal(await job, 'after 300')
  },
)

testWithPeers(
  ['redis-server'],
  'a worker says once that Redis is away, and goes on when it is back',
  async (peers) => {
    const port = await freePort()
    let redis = await startRedis(peers, port)
    const worker = await startWorker(peers, port)
    await run(async () => {
      const connection = { host: '127.0.0.1', port }
      for (let outages = 1; outages <= 2; outages++) {
        const executor = new BullExecutor({ queue: 'tests', connection })
        assert.equal(await executor.submit('double', 4), 8)
        await executor.shutdown()
        await redis.stop()
        while (countOf('has lost its Redis') < outages) await sleep(5)
        await sleep(500)
        redis = await startRedis(peers, port)
      }
      await using executor = new BullExecutor({ queue: 'tests', connection })
      assert.equal(await executor.submit('double', 5), 10)
    })
    assert.deepEqual([countOf('has lost its Redis'), countOf('Error in a worker')], [2, 0])

    function countOf(text: string): number {
      return `${worker.stdout}${worker.stderr}`.split(text).length - 1
    }
  },
)

testWithRedis(
  'a Redis that stays away fails its jobs',
  { lostMs: 200 },
  async ({ executor, redis }) => {
    await executor.submit('double', 1)
    const job = executor.submit('slowly', 60_000)
    await sleep(100)
    await redis.stop()
    const error = await rejectionOf(job)
    assert.equal(codeOf(error), 'ERR_QUEUE_CONNECTION')
    assert.match(String(messageOf(error)), /may have run, or may run yet/)
    assert.equal(codeOf(await rejectionOf(executor.submit('double', 1))), 'ERR_QUEUE_CONNECTION')
  },
)

testWithPeers(
  ['redis-server'],
  'a Redis that comes after the executor gave up waiting is used',
  async (peers) => {
    const port = await freePort()
    await run(async () => {
      const connection = { host: '127.0.0.1', port }
      await using executor = new BullExecutor({ queue: 'tests', connection })
      assert.equal(codeOf(await rejectionOf(executor.submit('double', 1))), 'ERR_QUEUE_CONNECTION')
      await startRedis(peers, port)
      await startWorker(peers, port)
      for (;;) {
        try {
          assert.equal(await executor.submit('double', 2), 4)
          return
        } catch (error) {
          assert.equal(codeOf(error), 'ERR_QUEUE_CONNECTION')
          await sleep(50)
        }
      }
    })
  },
)

testWithPeers(
  ['redis-server'],
  'a job that Redis has forgotten when it comes back is lost, and says so',
  async (peers) => {
    const port = await freePort()
    const redis = await startRedis(peers, port, false)
    await run(async () => {
      const connection = { host: '127.0.0.1', port }
      await using executor = new BullExecutor({ queue: 'tests', connection })
      const job = executor.submit('double', 1)
      while ((await redisSays(peers, port, 'LLEN', 'bull:tests:wait')) !== '1') await sleep(5)
      await redis.stop()
      await startRedis(peers, port, false)
      const error = await rejectionOf(job)
      assert.equal(codeOf(error), 'ERR_JOB_LOST')
      assert.match(String(messageOf(error)), /came back without the job/)
    })
  },
)

testWithPeers(
  ['redis-server'],
  'a job that is cancelled while Redis is away is taken back when it returns',
  async (peers) => {
    const port = await freePort()
    const redis = await startRedis(peers, port)
    await run(async () => {
      const connection = { host: '127.0.0.1', port }
      await using executor = new BullExecutor({ queue: 'tests', connection })
      const waiting = () => redisSays(peers, port, 'LLEN', 'bull:tests:wait')
      const job = executor.submit('double', 1)
      while ((await waiting()) !== '1') await sleep(5)
      await redis.stop()
      await sleep(50)
      job.cancel()
      await startRedis(peers, port)
      while ((await waiting()) !== '0') await sleep(5)
      assert.ok(isCancelled(await rejectionOf(job)))
    })
  },
)

testWithPeers(
  ['redis-server'],
  'a job whose worker must end before it is done goes to another worker',
  async (peers) => {
    const port = await freePort()
    await startRedis(peers, port)
    const first = await startWorker(peers, port, { lockMs: 60_000, graceMs: 100 })
    await run(async () => {
      const connection = { host: '127.0.0.1', port }
      await using executor = new BullExecutor({ queue: 'tests', connection })
      const job = executor.submit<number>('whoAfter', 1_000)
      while ((await redisSays(peers, port, 'LLEN', 'bull:tests:active')) !== '1') await sleep(5)
      process.kill(first.pid, 'SIGTERM')
      await first.ended
      const second = await startWorker(peers, port)
      assert.equal(await job, second.pid)
    })
  },
)

testWithRedis(
  'an error has the stack of the job and that of who submitted it',
  {},
  async ({ executor }) => {
    async function whoSubmits() {
      await executor.submit('fail', 'E_MINE')
    }
    const { stack = '' } = (await rejectionOf(whoSubmits())) as Error
    const [inWorker = '', here = ''] = stack.split('    -- submitted --')
    assert.match(inWorker, /fail .*bullmq.jobs\.[jt]s/)
    assert.match(here, /whoSubmits .*bullmq\.test\.[jt]s/)
  },
)

testWithRedis(
  'an executor that is shut down takes no more',
  { maxQueue: 1 },
  async ({ executor }) => {
    const job = executor.submit('slowly', 100)
    assert.equal(codeOf(thrownBy(() => executor.submit('double', 1))), 'ERR_QUEUE_FULL')
    const ending = executor.shutdown()
    assert.equal(codeOf(thrownBy(() => executor.submit('double', 1))), 'ERR_EXECUTOR_SHUT_DOWN')
    assert.equal(await job, 'after 100')
    await ending
  },
)

testWithPeers([], 'a Redis that is not there is an error', async () => {
  const connection = { host: '127.0.0.1', port: await freePort() }
  await run(async () => {
    const executor = new BullExecutor({ queue: 'tests', connection })
    const error = await rejectionOf(executor.submit('double', 1))
    assert.equal(codeOf(error), 'ERR_QUEUE_CONNECTION')
    assert.match(String(messageOf(error)), /cannot reach Redis.*ECONNREFUSED/)
    await executor.shutdown()
    const serving = await rejectionOf(serveJobs({}, { queue: 'tests', connection }))
    assert.equal(codeOf(serving), 'ERR_QUEUE_CONNECTION')
  })
})

test('what is wrong is said at the call', async () => {
  const connection = { host: '127.0.0.1', port: await freePort() }
  const made = (options: object) =>
    codeOf(thrownBy(() => new BullExecutor({ queue: 'q', connection, ...options })))
  assert.equal(made({ queue: '' }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(made({ queue: 'a:b' }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(made({ connection: 5 }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(made({ connection: 'http://x' }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(made({ connection: { port: 0 } }), 'ERR_OUT_OF_RANGE')
  assert.equal(made({ attempts: 0 }), 'ERR_OUT_OF_RANGE')
  assert.equal(made({ timeoutMs: -1 }), 'ERR_OUT_OF_RANGE')
  const serve = (table: unknown, options: object = {}) =>
    codeOf(thrownBy(() => serveJobs(table as never, { queue: 'q', connection, ...options })))
  assert.equal(serve({ job: 5 }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(serve(null), 'ERR_INVALID_ARG_TYPE')
  assert.equal(serve({}, { concurrency: 0 }), 'ERR_OUT_OF_RANGE')
  assert.equal(serve({}, { lockMs: 2 ** 31 }), 'ERR_OUT_OF_RANGE')
  await run(async () => {
    const executor = new BullExecutor({ queue: 'q', connection })
    const circle: unknown[] = []
    circle.push(circle)
    for (const value of [
      () => 1,
      5n,
      new Map(),
      new Date(),
      NaN,
      circle,
      { a: [Symbol('s')] },
      Array(2),
    ]) {
      assert.equal(codeOf(thrownBy(() => executor.submit('job', value))), 'ERR_NOT_SENDABLE')
    }
    assert.equal(codeOf(thrownBy(() => executor.submit(''))), 'ERR_INVALID_ARG_TYPE')
    await executor.shutdown()
  })
})
