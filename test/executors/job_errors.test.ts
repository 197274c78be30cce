// What a job throws comes back as itself.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Future, getRunningLoop, TimeoutError, toThread } from 'gyre'
import { runProgram } from '../program.js'
import { rejectionOf } from '../thrown.js'
import { jobs, onBothPools, onPool } from './on_pools.js'

onBothPools(
  'an error keeps class, name, message, code, cause and properties',
  {},
  async (executor) => {
    const error = (await rejectionOf(
      executor.submit({ module: jobs, name: 'failWith' }, 'custom'),
    )) as RangeError & { code: string; details: unknown; cause: unknown }
    assert.ok(error instanceof RangeError)
    assert.equal(error.message, 'out of it')
    assert.equal(error.code, 'E_CUSTOM')
    assert.deepEqual(error.details, { left: 3 })
    assert.ok(error.cause instanceof TypeError)
    assert.equal(error.cause.message, 'deep down')
    assert.deepEqual(Object.keys(error), ['code', 'details'])
  },
)

onBothPools(
  'an error has the stack of the job and that of who submitted it',
  {},
  async (executor) => {
    async function whoSubmits() {
      await executor.submit({ module: jobs, name: 'failWith' }, 'custom')
    }
    const { stack = '' } = (await rejectionOf(whoSubmits())) as Error
    const [inWorker = '', here = ''] = stack.split('    -- submitted --')
    assert.match(inWorker, /failWith .*executors.jobs\.[jt]s/)
    assert.doesNotMatch(inWorker, /run_job|piscina/)
    assert.match(here, /whoSubmits .*job_errors\.test\.[jt]s/)
    assert.doesNotMatch(here, /executor\.[jt]s/)
  },
)

for (const kind of ['ThreadPoolExecutor', 'ProcessPoolExecutor']) {
  test(`without source maps, too, errors of a ${kind} have no frames of its workers`, async () => {
    const { stdout } = await runProgram(`
      import { ${kind}, run } from 'gyre'
      const fails = () => { throw new Error('now') }
      const failsLater = async () => { await null; throw new Error('later') }
      await run(async () => {
        const pool = new ${kind}({ maxWorkers: 1 })
        for (const fn of [fails, failsLater, fails, failsLater]) {
          const { stack } = await pool.submit(fn).then(null, (error) => error)
          console.log(stack.split('    -- submitted --')[0].trim())
        }
        await pool.shutdown()
      })
    `)
    const stackOf = (message: string, name: string) =>
      new RegExp(`^Error: ${message}\\n    at [^\\n]*gyre-job/${name}\\.js:[^\\n]*$`)
    const [now, later] = [stackOf('now', 'fails'), stackOf('later', 'failsLater')]
    const stacks = stdout.trim().split(/\n(?=Error)/)
    for (const [index, expected] of [now, later, now, later].entries()) {
      assert.match(stacks[index] ?? '', expected)
    }
  })
}

onBothPools(
  'the error of a map, of toThread and of runInExecutor tells who called them',
  {},
  async (executor) => {
    const failing = { module: jobs, name: 'failWith' }
    const ways = {
      whoMaps: async () => void (await executor.map(failing, ['custom']).toArray()),
      whoSendsToThread: async () => void (await toThread(failing, 'custom')),
      whoRunsInExecutor: async () =>
        void (await getRunningLoop().runInExecutor(executor, failing, 'custom')),
    }
    for (const [name, call] of Object.entries(ways)) {
      const { stack = '' } = (await rejectionOf(call())) as Error
      const [, here = ''] = stack.split('    -- submitted --')
      assert.match(here.split('\n')[1] ?? '', new RegExp(`${name} .*job_errors\\.test`))
    }
  },
)

onPool(
  'threads',
  'in debug mode an error has all frames of who submitted it',
  {},
  async (executor) => {
    const submitAt = (depth: number): Future<unknown> =>
      depth > 0
        ? submitAt(depth - 1)
        : executor.submit({ module: jobs, name: 'failWith' }, 'custom')
    const framesAt = async () => {
      const { stack = '' } = (await rejectionOf(submitAt(5))) as Error
      return stack.split('    -- submitted --')[1]?.match(/submitAt/g)?.length
    }
    assert.equal(await framesAt(), 2)
    getRunningLoop().setDebug(true)
    assert.equal(await framesAt(), 6)
  },
)

onBothPools(
  "Gyre's own errors, groups, DOMExceptions and system errors are themselves",
  {},
  async (executor) => {
    const thrown = (kind: string) =>
      rejectionOf(executor.submit({ module: jobs, name: 'failWith' }, kind))
    const slow = (await thrown('gyre')) as TimeoutError
    assert.ok(slow instanceof TimeoutError)
    assert.equal(slow.code, 'ERR_TIMEOUT')
    const both = (await thrown('group')) as AggregateError
    assert.ok(both instanceof AggregateError)
    assert.ok(both.errors[0] instanceof RangeError)
    assert.equal(both.errors[1], 'two')
    const dom = (await thrown('dom')) as DOMException
    assert.ok(dom instanceof DOMException)
    assert.deepEqual([dom.name, dom.code, dom.message], ['NotFoundError', 8, 'no such thing'])
    const { code, errno, syscall } = (await thrown('system')) as NodeJS.ErrnoException
    assert.deepEqual([code, errno, syscall], ['ENOENT', -2, 'open'])
  },
)

onBothPools('what is no error comes back as it was thrown', {}, async (executor) => {
  const throwIt = (x: unknown) => {
    throw x
  }
  for (const value of ['text', 5, null, undefined, { a: [1] }]) {
    assert.deepEqual(await rejectionOf(executor.submit(throwIt, value)), value)
  }
  const unsendable = await rejectionOf(
    executor.submit(() => {
      throw () => 1
    }),
  )
  assert.equal(unsendable, '[Function (anonymous)]')
})

onBothPools(
  'a property that cannot be cloned is printed, and the rest arrives',
  {},
  async (executor) => {
    const error = (await rejectionOf(
      executor.submit({ module: jobs, name: 'failWith' }, 'unsendable'),
    )) as Error & { callback: string; count: number }
    assert.equal(error.message, 'has a function')
    assert.equal(error.callback, '[Function: callback]')
    assert.equal(error.count, 2)
  },
)

onBothPools('an error whose own code fails arrives, and ends no worker', {}, async (executor) => {
  const pid = await executor.submit(() => process.pid)
  const broken = (await rejectionOf(
    executor.submit(() => {
      const get = () => {
        throw new RangeError('no access')
      }
      throw Object.defineProperty(new Error('guarded'), 'secret', { enumerable: true, get })
    }),
  )) as Error & { secret: string }
  assert.equal(broken.message, 'guarded')
  assert.match(broken.secret, /^\[threw RangeError: no access/)

  const group = (await rejectionOf(
    executor.submit(() => {
      throw Object.assign(new AggregateError([], 'no list'), { errors: 5 })
    }),
  )) as AggregateError
  assert.deepEqual([group.message, group.errors], ['no list', []])

  const unprintable = await rejectionOf(
    executor.submit(() => {
      const fails = () => {
        throw new Error('inspected')
      }
      throw { fails, [Symbol.for('nodejs.util.inspect.custom')]: fails }
    }),
  )
  assert.equal(unprintable, '[object that cannot be printed]')

  const revoked = await rejectionOf(
    executor.submit(() => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      throw proxy
    }),
  )
  assert.match(String(revoked), /Revoked Proxy/)
  assert.equal(await executor.submit(() => process.pid), pid)
})

onBothPools('an error whose causes form a circle arrives', {}, async (executor) => {
  const error = (await rejectionOf(
    executor.submit(() => {
      const circle = new Error('circle')
      circle.cause = circle
      throw circle
    }),
  )) as Error
  assert.equal(error.message, 'circle')
  assert.equal((error.cause as Error).message, 'circle')
})

onBothPools('an async function that rejects is an error like any other', {}, async (executor) => {
  const error = await rejectionOf(
    executor.submit(async () => {
      await null
      throw new SyntaxError('later')
    }),
  )
  assert.ok(error instanceof SyntaxError)
})
