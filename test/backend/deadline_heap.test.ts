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

/** `inOrder`: one of so many is armed for earlier than the one before it; 0: they come in any order. */
function compareWithModel(seed: number, inOrder: number): void {
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
      const isLater = inOrder > 0 && random.below(inOrder) > 0
      const deadline = isLater
        ? (model.at(-1)?.deadline ?? 0) + random.below(3)
        : random.below(range)
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
      compareWithModel(seed, [0, 2, 20, 500][seed % 4]!)
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

test('a queue that never empties goes on in order, also when one comes in between', () => {
  const heap = new DeadlineHeap()
  for (let i = 0; i < 100; i++) heap.push(i, i, i)
  for (let i = 100; i < 100_000; i++) {
    assert.equal(heap.firstSlot(), i - 100)
    heap.pop()
    heap.push(i, i, i)
    assert.equal(heap.size, 100)
  }
  // One that comes in between ends the order; all come by their deadlines nevertheless.
  heap.push(99_950.5, -1, 0)
  const slots: number[] = []
  while (heap.size > 0) {
    slots.push(heap.firstSlot())
    heap.pop()
  }
  const before = Array.from({ length: 51 }, (_, i) => 99_900 + i)
  const behind = Array.from({ length: 49 }, (_, i) => 99_951 + i)
  assert.deepEqual(slots, [...before, -1, ...behind])
})

test('cancelled timers do not pile up', () => {
  const heap = new DeadlineHeap()
  for (let i = 0; i < 100_000; i++) {
    heap.push(1e9 + i, i % 1000, i)
    heap.noteCancelled((_slot, generation) => generation <= i)
  }
  assert.ok(heap.size < 1000, `${heap.size} are kept`)
})
