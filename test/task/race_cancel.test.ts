// A cancellation in the very instant in which one of several things that an async function awaits is done.

import assert from 'node:assert/strict'
import test from 'node:test'
import { CancelledError, createTask, Event, getRunningLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { rejectionOf } from '../thrown.js'

const WINNERS = {
  'a future': () => sleep(20),
  'an operation': async (event: Event) => {
    getRunningLoop().callLater(20, () => event.set())
    await event.wait()
  },
}

for (const [what, wins] of Object.entries(WINNERS)) {
  for (const isAskedFirst of [false, true]) {
    const order = isAskedFirst ? 'before' : 'after'
    test(`a race that ${what} wins in the instant of a cancel, ${order} it, is cancelled`, async () => {
      await runVirtual(async () => {
        const loser = createTask(() => sleep(5_000))
        const steps: string[] = []
        const cancel = () => loop.callLater(20, () => task.cancel('enough'))
        const loop = getRunningLoop()
        if (isAskedFirst) cancel()
        const task = createTask(async () => {
          try {
            await Promise.race([loser, wins(new Event())])
            steps.push('won')
            await sleep(3_000)
            steps.push('slept')
          } finally {
            await sleep(1)
            steps.push('cleaned up')
          }
        })
        await sleep(0)
        if (!isAskedFirst) cancel()
        const error = await rejectionOf(task)
        assert.ok(error instanceof CancelledError)
        assert.equal(error.reason, 'enough')
        assert.ok(loop.time() < 100, `it ended at ${loop.time()}`)
        assert.equal(steps.at(-1), 'cleaned up')
        assert.ok(!steps.includes('slept'))
        assert.equal(task.cancelling(), 1)
      })
    })
  }
}

test('functions side by side are all cancelled, though one of them was about to go on', async () => {
  await runVirtual(async () => {
    const ends: string[] = []
    const side = async (name: string, first: number) => {
      try {
        await sleep(first)
        await sleep(1_000)
        ends.push(`${name} went on`)
      } catch (error) {
        ends.push(`${name}: ${(error as Error).name}`)
        throw error
      }
    }
    const task = createTask(async () => {
      await Promise.all([side('a', 20), side('b', 50)])
    })
    await sleep(0)
    getRunningLoop().callLater(20, () => task.cancel())
    assert.ok((await rejectionOf(task)) instanceof CancelledError)
    await sleep(2_000)
    assert.deepEqual(ends.sort(), ['a: CancelledError', 'b: CancelledError'])
  })
})
