// Executor.submit: what runs, with what, and what comes back.

import assert from 'node:assert/strict'
import test from 'node:test'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import {
  currentJob,
  type Future,
  type Job,
  ProcessPoolExecutor,
  run,
  ThreadPoolExecutor,
  transfer,
} from 'gyre'
import { codeOf, messageOf, rejectionOf, thrownBy } from '../thrown.js'
import { jobs, onBothPools, onPool } from './on_pools.js'

onBothPools('a function that stands alone runs in a worker', {}, async (executor, kind) => {
  const sum = await executor.submit((a: number, b: number) => a + b, 20, 22)
  assert.equal(sum, 42)
  const pid = await executor.submit(() => process.pid)
  assert.equal(pid === process.pid, kind === 'threads')
})

onBothPools('an async function is waited for', {}, async (executor) => {
  const later = async (x: number) => {
    await new Promise((resolve) => setImmediate(resolve))
    return x + 1
  }
  assert.equal(await executor.submit(later, 1), 2)
})

onBothPools('a function may import, require and use globals of Node', {}, async (executor) => {
  const names = await executor.submit(async (path: string) => {
    const { basename } = await import('node:path')
    return [basename(path), Buffer.from('x').toString('hex'), typeof structuredClone]
  }, '/a/b')
  assert.deepEqual(names, ['b', '78', 'function'])
})

onBothPools('an export of a module runs in a worker, and knows its job', {}, async (executor) => {
  assert.equal(await executor.submit<number>({ module: jobs }, 21), 42)
  assert.equal(await executor.submit<number>({ module: jobs.href, name: 'default' }, 4), 8)
  const { pid, isJob } = await executor.submit<{ pid: number; isJob: boolean }>({
    module: jobs,
    name: 'whoami',
  })
  assert.equal(isJob, true)
  assert.equal(typeof pid, 'number')
  const path = { module: 'node:path', name: 'basename' }
  assert.equal(await executor.submit(path, '/a/b.txt'), 'b.txt')
})

onBothPools('generators wait for jobs with yield*', {}, async (executor) => {
  const main = function* () {
    const job: Future<number> = executor.submit((x: number) => x * x, 9)
    return yield* job
  }
  const { createTask } = await import('gyre')
  assert.equal(await createTask(main()), 81)
})

onBothPools('arguments are taken at the call', { maxWorkers: 1 }, async (executor) => {
  const blocker = executor.submit((ms: number) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  }, 50)
  const point = { x: 1 }
  const job = executor.submit((p: { x: number }) => p.x, point)
  point.x = 2
  assert.equal(await job, 1)
  await blocker
})

onBothPools('values of every cloneable kind come and go', {}, async (executor) => {
  const value = {
    map: new Map([[1, new Set(['a'])]]),
    date: new Date(0),
    big: 12n,
    none: undefined,
    bytes: new Uint8Array([1, 2, 3]),
    pattern: /x+/g,
  }
  const back = await executor.submit((v: typeof value) => v, value)
  assert.deepEqual(back, value)
})

onPool('threads', 'an ArrayBuffer that is transferred is moved', {}, async (executor) => {
  const bytes = new Uint8Array(1000).fill(3)
  const sum = executor.submit(
    (b: Uint8Array) => b.reduce((total, x) => total + x, 0),
    transfer(bytes),
  )
  assert.equal(bytes.byteLength, 0)
  assert.equal(await sum, 3000)
  const back = await executor.submit<Uint8Array>({ module: jobs, name: 'filled' }, 5)
  assert.deepEqual(back, new Uint8Array(5).fill(7))
})

onPool('threads', 'a transfer survives the queue', { maxWorkers: 1 }, async (executor) => {
  const ports = Array.from({ length: 3 }, () => new MessageChannel())
  const sent = ports.map(({ port2 }) =>
    executor.submit((port: MessagePort) => {
      port.postMessage('from the worker')
      port.close()
    }, transfer(port2)),
  )
  const heard = ports.map(({ port1 }) => new Promise((resolve) => port1.once('message', resolve)))
  await Promise.all(sent)
  assert.deepEqual(await Promise.all(heard), Array(3).fill('from the worker'))
})

onPool('threads', 'a SharedArrayBuffer is shared', {}, async (executor) => {
  const shared = new Int32Array(new SharedArrayBuffer(4))
  await executor.submit((words: Int32Array) => {
    Atomics.store(words, 0, 77)
  }, shared)
  assert.equal(shared[0], 77)
})

onPool('processes', 'transferred values are copied', {}, async (executor) => {
  const bytes = new Uint8Array([1, 2])
  const back = await executor.submit((b: Uint8Array) => [...b], transfer(bytes))
  assert.deepEqual(back, [1, 2])
  assert.equal(bytes.length, 2)
  const filled = await executor.submit<Uint8Array>({ module: jobs, name: 'filled' }, 2)
  assert.deepEqual([...filled], [7, 7])
})

onPool('processes', 'shared memory is refused at the call', {}, async (executor) => {
  const refused = thrownBy(() => executor.submit((x: unknown) => x, new SharedArrayBuffer(4)))
  assert.equal(codeOf(refused), 'ERR_NOT_SENDABLE')
})

onBothPools('the argument that cannot be sent is named by its place', {}, async (executor) => {
  const refusal = (...args: unknown[]) =>
    String(messageOf(thrownBy(() => executor.submit((...all: unknown[]) => all.length, ...args))))
  assert.match(
    refusal(1, 'two', () => 3),
    /^argument 3 cannot be sent to a worker.*: \(\) => 3/,
  )
  assert.match(refusal({ deep: [new WeakMap()] }, 2), /^argument 1 cannot be sent/)
  assert.match(refusal(transfer(new ArrayBuffer(1)), Symbol('s')), /^argument 2 cannot be sent/)
})

onBothPools('an argument that cannot be cloned is refused at the call', {}, async (executor) => {
  for (const argument of [() => 1, Symbol('s'), { deep: [() => 1] }, new WeakMap()]) {
    const refused = thrownBy(() => executor.submit((x: unknown) => x, argument))
    assert.equal(codeOf(refused), 'ERR_NOT_SENDABLE')
    assert.match(String(messageOf(refused)), /argument.*cannot be sent/)
  }
})

onBothPools(
  'a result that cannot be cloned is an error, and the worker goes on',
  {},
  async (executor) => {
    for (const make of [() => () => 1, () => ({ f() {} }), () => Symbol('s')]) {
      const error = await rejectionOf(executor.submit<[], unknown>(make))
      assert.equal(codeOf(error), 'ERR_NOT_SENDABLE')
      assert.match(String(messageOf(error)), /what the job returned/)
    }
    const generator = await rejectionOf(executor.submit(() => (function* () {})() as unknown))
    assert.match(String(messageOf(generator)), /returned a generator/)
    assert.equal(await executor.submit(() => 1), 1)
  },
)

onBothPools(
  'a module that is not there or does not export it is an error',
  {},
  async (executor) => {
    const missing = thrownBy(() => executor.submit({ module: './no/such/module.js' }))
    assert.equal(codeOf(missing), 'ERR_JOB_MODULE')
    assert.equal(codeOf(thrownBy(() => executor.submit({ module: 'fs' }))), 'ERR_JOB_MODULE')
    for (const name of ['nothing', 'notAFunction']) {
      const error = await rejectionOf(executor.submit({ module: jobs, name }))
      assert.equal(codeOf(error), 'ERR_JOB_MODULE')
      assert.match(
        String(messageOf(error)),
        name === 'nothing' ? /is not there/ : /is not a function/,
      )
    }
    const broken = await rejectionOf(executor.submit({ module: 'data:text/javascript,throw 1' }))
    assert.equal(codeOf(broken), 'ERR_JOB_MODULE')
    assert.match(String(messageOf(broken)), /does not load: 1/)
  },
)

onBothPools('maxQueue bounds what waits', { maxWorkers: 1, maxQueue: 1 }, async (executor) => {
  const hold = () => new Promise((resolve) => setTimeout(resolve, 20))
  const first = executor.submit(hold)
  const second = executor.submit(hold)
  assert.equal(executor.queueSize, 1)
  assert.equal(codeOf(thrownBy(() => executor.submit(hold))), 'ERR_QUEUE_FULL')
  await first
  const third = executor.submit(() => 3)
  await second
  assert.equal(await third, 3)
})

onBothPools('jobs run at the same time, and never more than maxWorkers', {}, async (executor) => {
  const spans = await Promise.all(
    Array.from({ length: 6 }, () =>
      executor.submit(async () => {
        const from = performance.timeOrigin + performance.now()
        await new Promise((resolve) => setTimeout(resolve, 30))
        return [from, performance.timeOrigin + performance.now()] as const
      }),
    ),
  )
  for (const [from] of spans) {
    const atOnce = spans.filter(([start, end]) => start <= from && from < end - 1)
    assert.ok(atOnce.length <= 2, `${atOnce.length} at once`)
  }
})

onBothPools('many jobs come back each to its own future', {}, async (executor) => {
  const all = await Promise.all(
    Array.from({ length: 500 }, (_, i) => executor.submit((x: number) => x * 3, i)),
  )
  assert.deepEqual(
    all,
    Array.from({ length: 500 }, (_, i) => 3 * i),
  )
})

test('options are checked at once', () => {
  const make = (options: object) => codeOf(thrownBy(() => new ThreadPoolExecutor(options)))
  assert.equal(make({ maxWorkers: 0 }), 'ERR_OUT_OF_RANGE')
  assert.equal(make({ maxWorkers: '2' }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(make({ maxQueue: -1 }), 'ERR_OUT_OF_RANGE')
  assert.equal(make({ terminate: 1 }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(make({ initializer: 5 }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(make({ initArgs: 5 }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(make({ initializer: () => {}, initArgs: [() => {}] }), 'ERR_NOT_SENDABLE')
  assert.equal(
    codeOf(thrownBy(() => new ProcessPoolExecutor({ execArgv: [5] as never }))),
    'ERR_INVALID_ARG_TYPE',
  )
  const moved = { initializer: () => {}, initArgs: [transfer(new ArrayBuffer(8))] }
  assert.equal(make(moved), 'ERR_INVALID_ARG_TYPE')
  assert.equal(make({ resourceLimits: 5 }), 'ERR_INVALID_ARG_TYPE')
  assert.equal(
    codeOf(thrownBy(() => new ThreadPoolExecutor(null as never))),
    'ERR_INVALID_ARG_TYPE',
  )
})

onBothPools('functions that were sent find their job', {}, async (executor) => {
  const find = async function (this: Job) {
    await null
    return currentJob() === this
  }
  assert.deepEqual(await Promise.all([executor.submit(find), executor.submit(find)]), [true, true])
})

onBothPools(
  'a job that loads Gyre finds itself, and later jobs find themselves',
  { maxWorkers: 1 },
  async (executor) => {
    const find = async function (this: Job, url: string, afterMs: number) {
      await null
      const gyre: typeof import('gyre') = await import(url)
      const found = [gyre.currentJob() === this]
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      return [...found, gyre.currentJob() === this]
    }
    const url = import.meta.resolve('gyre')
    assert.deepEqual(await executor.submit(find, url, 0), [true, true])
    assert.deepEqual(await executor.submit(find, url, 5), [true, true])
  },
)

onBothPools(
  'what a job leaves behind still finds that job while the next one runs',
  { maxWorkers: 1 },
  async (executor) => {
    await executor.submit({ module: jobs, name: 'leaveBehind' })
    assert.equal(await executor.submit({ module: jobs, name: 'findLeftBehind' }), true)
  },
)

onBothPools(
  'promises of jobs that never ask for their job are not tracked',
  {},
  async (executor) => {
    const trackedId = async () => {
      await null
      return (require('node:async_hooks') as typeof import('node:async_hooks')).executionAsyncId()
    }
    assert.equal(await executor.submit(trackedId), 0)
  },
)

test('currentJob is for workers', () => {
  assert.equal(codeOf(thrownBy(currentJob)), 'ERR_NO_JOB')
})

test('transfer refuses what has nothing to transfer', () => {
  for (const value of [1, null, 'text', new SharedArrayBuffer(1)]) {
    assert.equal(codeOf(thrownBy(() => transfer(value))), 'ERR_INVALID_ARG_TYPE')
  }
  assert.equal(codeOf(thrownBy(() => transfer({}, 5 as never))), 'ERR_INVALID_ARG_TYPE')
})

test('a pool can be used from one loop after another', { timeout: 60_000 }, async () => {
  const executor = new ThreadPoolExecutor({ maxWorkers: 1 })
  for (const round of [1, 2]) {
    assert.equal(await run(async () => await executor.submit((x: number) => x, round)), round)
  }
  assert.equal(codeOf(thrownBy(() => executor.shutdown(null as never))), 'ERR_INVALID_ARG_TYPE')
  await run(async () => await executor.shutdown())
})
