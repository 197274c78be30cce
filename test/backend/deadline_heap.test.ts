// DeadlineHeap against the obvious model, a sorted array: deadline, then arming order, always.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeadlineHeap } from '#gyre/backend/deadline_heap'
import { Random } from '../parity/random.js'

interface Timer {
  deadline: number
  order: number
  slot: number
  generation: number
}

function compareWithModel(seed: number): void {
  const random = new Random(seed)
  const heap = new DeadlineHeap()
  let model: Timer[] = []
  const stale = new Set<string>()
  let order = 0
  // Few different deadlines, so that many are equal.
  const range = random.pick([1, 3, 50, 1_000_000])
  for (let step = 0; step < 2000; step++) {
    const choice = random.below(100)
    if (choice < 55) {
      const deadline = random.below(range)
      const timer = { deadline, order: order++, slot: random.below(500), generation: step }
      heap.push(timer.deadline, timer.slot, timer.generation)
      model.push(timer)
      model.sort((a, b) => a.deadline - b.deadline || a.order - b.order)
    } else if (choice < 85) {
      const first = model.shift()
      if (first === undefined) {
        assert.equal(heap.nextNs(), Infinity)
        continue
      }
      assert.equal(heap.nextNs(), first.deadline)
      assert.equal(heap.firstSlot(), first.slot)
      assert.equal(heap.firstGeneration(), first.generation)
      heap.pop()
    } else if (model.length > 0) {
      const cancelled = random.pick(model)
      stale.add(`${cancelled.slot}/${cancelled.generation}`)
      const sizeBefore = heap.size
      heap.noteCancelled((slot, generation) => stale.has(`${slot}/${generation}`))
      if (heap.size < sizeBefore) {
        model = model.filter(({ slot, generation }) => !stale.has(`${slot}/${generation}`))
      }
    }
    assert.equal(heap.size, model.length)
    assert.equal(heap.nextNs(), model[0]?.deadline ?? Infinity)
  }
}

test('the heap gives timers by deadline, equal ones in arming order', () => {
  for (let seed = 1; seed <= 100; seed++) {
    try {
      compareWithModel(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})

test('ten thousand equal deadlines come in the order in which they were armed', () => {
  const heap = new DeadlineHeap()
  for (let slot = 0; slot < 10_000; slot++) heap.push(7, slot, slot + 1)
  for (let slot = 0; slot < 10_000; slot++) {
    assert.equal(heap.firstSlot(), slot)
    assert.equal(heap.firstGeneration(), slot + 1)
    heap.pop()
  }
  assert.equal(heap.nextNs(), Infinity)
})

test('cancelled timers do not pile up', () => {
  const heap = new DeadlineHeap()
  for (let i = 0; i < 100_000; i++) {
    heap.push(1e9 + i, i % 1000, i)
    heap.noteCancelled((_slot, generation) => generation <= i)
  }
  assert.ok(heap.size < 1000, `${heap.size} are kept`)
})
