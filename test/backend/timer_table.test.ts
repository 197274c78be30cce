// TimerTable against the obvious model, a map; stale tokens find nobody.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlineNs, TimerTable, type TimerTarget } from '#gyre/backend/timer_table'
import { Random } from '../parity/random.js'

const target = (): TimerTarget => ({ _slot: -1, timerFired() {} })

function compareWithModel(seed: number): void {
  const random = new Random(seed)
  const table = new TimerTable()
  const armed = new Map<number, { target: TimerTarget; generation: number }>()
  const stale: { slot: number; generation: number }[] = []
  for (let step = 0; step < 2000; step++) {
    const choice = random.below(100)
    const slots = [...armed.keys()]
    if (choice < 50 || slots.length === 0) {
      const made = target()
      const slot = table.add(made)
      assert.equal(armed.has(slot), false, 'a slot is given to two')
      armed.set(slot, { target: made, generation: table.generationOf(slot) })
    } else {
      const slot = random.pick(slots)
      const entry = armed.get(slot) as { target: TimerTarget; generation: number }
      if (choice < 75) assert.equal(table.take(slot, entry.generation), entry.target)
      else table.release(slot)
      armed.delete(slot)
      stale.push({ slot, generation: entry.generation })
    }
    if (stale.length > 0) {
      const { slot, generation } = random.pick(stale)
      assert.equal(table.take(slot, generation), undefined, 'a stale token finds a timer')
    }
    assert.equal(table.armed, armed.size)
  }
}

test('each token finds its own timer while that is armed, and nobody afterwards', () => {
  for (let seed = 1; seed <= 50; seed++) {
    try {
      compareWithModel(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})

test('slots are used again, so that a table is as large as the most that were armed at once', () => {
  const table = new TimerTable()
  for (let i = 0; i < 10_000; i++) {
    const slot = table.add(target())
    assert.ok(slot < 1)
    table.release(slot)
  }
  const slots = Array.from({ length: 1000 }, () => table.add(target()))
  assert.equal(Math.max(...slots), 999)
})

test('deadlines are whole nanoseconds within what a backend can keep', () => {
  assert.equal(deadlineNs(1.5), 1_500_000)
  assert.equal(deadlineNs(0.0001), 100)
  assert.equal(deadlineNs(-5), 0)
  assert.equal(deadlineNs(Infinity), 2 ** 62)
  assert.equal(deadlineNs(1e300), 2 ** 62)
  assert.equal(deadlineNs(1 / 3), 333_334)
  assert.equal(deadlineNs(2 / 3), 666_667)
  assert.equal(deadlineNs(1.1), 1_100_000)
})
