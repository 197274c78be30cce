// runInExecutor, toThread, and the default executor of a loop.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import {
  getRunningLoop,
  newEventLoop,
  ProcessPoolExecutor,
  run,
  ThreadPoolExecutor,
  toThread,
} from 'gyre'
import { runProgram } from '../lifetime/child_program.js'
import { codeOf, rejectionOf, thrownBy } from '../thrown.js'

const options = { timeout: 60_000 }

test('toThread runs a function in a thread', options, async () => {
  const sum = await run(function* () {
    return yield* toThread((a: number, b: number) => a + b, 1, 2)
  })
  assert.equal(sum, 3)
})

test('runInExecutor takes an executor, or null for the default one', options, async () => {
  await run(async () => {
    const loop = getRunningLoop()
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 })
    assert.notEqual(await loop.runInExecutor(pool, () => process.pid), process.pid)
    assert.equal(await loop.runInExecutor(null, () => process.pid), process.pid)
    await pool.shutdown()
    const bad = thrownBy(() => loop.runInExecutor({} as never, () => 1))
    assert.equal(codeOf(bad), 'ERR_INVALID_ARG_TYPE')
  })
})

test('setDefaultExecutor decides where toThread runs', options, async () => {
  await run(async () => {
    getRunningLoop().setDefaultExecutor(new ProcessPoolExecutor({ maxWorkers: 1 }))
    assert.notEqual(await toThread(() => process.pid), process.pid)
    const bad = thrownBy(() => getRunningLoop().setDefaultExecutor({} as never))
    assert.equal(codeOf(bad), 'ERR_INVALID_ARG_TYPE')
  })
})

test('the end of run waits for the jobs of the default executor', options, async () => {
  const words = new Int32Array(new SharedArrayBuffer(4))
  const executor = new ThreadPoolExecutor({ maxWorkers: 1 })
  await run(async () => {
    getRunningLoop().setDefaultExecutor(executor)
    void toThread(async (shared: Int32Array) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      shared[0] = 1
    }, words).then(null, () => {})
  })
  assert.equal(words[0], 1)
  assert.equal(codeOf(thrownBy(() => executor.submit(() => 1))), 'ERR_EXECUTOR_SHUT_DOWN')
})

test('after shutdownDefaultExecutor there is none', options, async () => {
  await run(async () => {
    const loop = getRunningLoop()
    await toThread(() => 1)
    await loop.shutdownDefaultExecutor()
    assert.equal(codeOf(thrownBy(() => toThread(() => 1))), 'ERR_EXECUTOR_SHUT_DOWN')
    await loop.shutdownDefaultExecutor()
  })
})

test('shutdownDefaultExecutor stops waiting after its timeout, and says so', options, async () => {
  const warned = once(process, 'warning')
  await run(async () => {
    const executor = new ThreadPoolExecutor({ maxWorkers: 1, terminate: true })
    getRunningLoop().setDefaultExecutor(executor)
    const job = toThread(() => {
      for (;;) Math.random()
    })
    await getRunningLoop().shutdownDefaultExecutor(20)
    job.cancel()
    await rejectionOf(job)
    await executor.shutdown()
  })
  const [warning] = await warned
  assert.equal(warning.code, 'GYRE_EXECUTOR_TIMEOUT')
})

test('a closed loop runs nothing in an executor', () => {
  const loop = newEventLoop()
  loop.close()
  assert.equal(codeOf(thrownBy(() => loop.runInExecutor(null, () => 1))), 'ERR_EVENT_LOOP_CLOSED')
})

for (const kind of ['ThreadPoolExecutor', 'ProcessPoolExecutor']) {
  test(`an idle ${kind} does not keep the program alive`, options, async () => {
    const { stdout, code, stderr } = await runProgram(`
      import { ${kind}, run } from 'gyre'
      const pool = new ${kind}({ maxWorkers: 2 })
      const main = async () => console.log(await Promise.all([1, 2].map((x) => pool.submit((y) => y, x))))
      await run(main)
      await run(main)
    `)
    assert.deepEqual([stdout, stderr, code], ['[ 1, 2 ]\n[ 1, 2 ]\n', '', 0])
  })

  test(`a job of a ${kind} keeps the program alive, and is no deadlock`, options, async () => {
    const { stdout, code } = await runProgram(`
      import { ${kind}, run } from 'gyre'
      const pool = new ${kind}({ maxWorkers: 1 })
      const slow = () => new Promise((resolve) => setTimeout(resolve, 100, 'slow'))
      console.log(await run(async () => await pool.submit(slow)))
    `)
    assert.deepEqual([stdout, code], ['slow\n', 0])
  })

  test(`main that waits for nothing is a deadlock, with an idle ${kind} too`, options, async () => {
    const { stdout } = await runProgram(`
      import { ${kind}, getRunningLoop, run } from 'gyre'
      const pool = new ${kind}({ maxWorkers: 1 })
      await run(async () => {
        await pool.submit(() => 1)
        await getRunningLoop().createFuture()
      }).catch((error) => console.log(error.code))
    `)
    assert.equal(stdout, 'ERR_DEADLOCK\n')
  })

  test(`a program that ends takes the workers of its ${kind} with it`, options, async () => {
    const { stdout } = await runProgram(`
      import { ${kind}, run } from 'gyre'
      const pool = new ${kind}({ maxWorkers: 1 })
      await run(async () => {
        console.log(await pool.submit(() => process.pid))
        void pool.submit(() => { for (;;) Math.random() })
        setTimeout(() => process.exit(0), 50)
        await new Promise(() => {})
      })
    `)
    const pid = Number(stdout)
    const isGone = () => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    }
    const endMs = performance.now() + 20_000
    while (!isGone() && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.equal(isGone(), true)
  })
}
