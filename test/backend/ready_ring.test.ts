// ReadyRing against the obvious model, an array; also across growth and the wrap of its counters.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Control, JS_KIND, ReadyRing } from '#gyre/backend/ready_ring'
import { Random } from '../parity/random.js'

interface Entry {
  kind: number
  generation: number
  slot: number
  item: unknown
}

/** Takes the first entry out, as the dispatcher does. */
function take(ring: ReadyRing): Entry {
  const head = ring.control[Control.READY_HEAD] as number
  const index = head & ring.mask
  const word = ring.words[index << 2] as number
  const slot = ring.words[(index << 2) + 1] as number
  const item = ring.items[index]
  ring.items[index] = undefined
  ring.control[Control.READY_HEAD] = head + 1
  const kind = word & 0xff
  return { kind, generation: word >>> 8, slot: kind >= JS_KIND ? 0 : slot, item }
}

function compareWithModel(seed: number, startAt: number): void {
  const random = new Random(seed)
  const ring = new ReadyRing(4)
  ring.control[Control.READY_HEAD] = startAt
  ring.control[Control.READY_TAIL] = startAt
  const model: Entry[] = []
  for (let step = 0; step < 3000; step++) {
    const choice = random.below(100)
    // In waves, so that the ring grows and empties.
    const pushes = Math.floor(step / 300) % 2 === 0 ? 60 : 40
    if (choice < pushes / 2) {
      const item = { step }
      ring.push(JS_KIND + random.below(5), item)
      const kind =
        (ring.words[(((ring.control[1] as number) - 1) & ring.mask) << 2] as number) & 0xff
      model.push({ kind, generation: 0, slot: 0, item })
    } else if (choice < pushes) {
      const entry = {
        kind: 1 + random.below(9),
        generation: random.below(0x1000000),
        slot: random.below(1000),
        item: undefined,
      }
      ring.pushEntry(entry.kind, entry.generation, entry.slot)
      model.push(entry)
    } else if (choice < 95) {
      if (model.length > 0) assert.deepEqual(take(ring), model.shift())
    } else if (choice < 98) {
      const entry = { kind: JS_KIND + random.below(5), generation: 0, slot: 0, item: { step } }
      ring.putBack(entry.kind, entry.item)
      model.unshift(entry)
      assert.equal(ring.isNewest(entry.item), model.length === 1)
    } else {
      const newest = model.at(-1)?.item
      if (newest !== undefined) assert.ok(ring.isNewest(newest as object))
      ring.reserve()
      assert.ok(ring.mask + 1 >= model.length * 2)
    }
    assert.equal(ring.size, model.length)
  }
  while (model.length > 0) assert.deepEqual(take(ring), model.shift())
  assert.ok(ring.items.every((item) => item === undefined))
}

for (const [name, startAt] of [
  ['at zero', 0],
  ['where the counters change their sign', 2 ** 31 - 500],
  ['where the counters wrap', -500],
] as const) {
  test(`the ring gives what was pushed, in order, when it starts ${name}`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      try {
        compareWithModel(seed, startAt)
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })
}

test('a full ring grows, keeps what is in it, and tells of its new buffer', () => {
  const ring = new ReadyRing(4)
  const buffers: ArrayBuffer[] = []
  ring.onGrow = (buffer) => buffers.push(buffer)
  const items = Array.from({ length: 9 }, (_, i) => ({ i }))
  for (const item of items) ring.push(JS_KIND, item)
  assert.equal(ring.mask, 15)
  assert.equal(buffers.length, 2)
  assert.equal(buffers[1], ring.buffer)
  assert.equal(ring.buffer.byteLength, 16 * 16)
  assert.deepEqual(
    items.map(() => take(ring).item),
    items,
  )
})

test('a push wakes a loop that is asleep, and no other', () => {
  const ring = new ReadyRing(4)
  let wakes = 0
  ring.onWake = () => {
    wakes++
    ring.control[Control.ASLEEP] = 0
  }
  ring.push(JS_KIND, {})
  assert.equal(wakes, 0)
  ring.control[Control.ASLEEP] = 1
  ring.push(JS_KIND, {})
  ring.push(JS_KIND, {})
  assert.equal(wakes, 1)
  ring.control[Control.ASLEEP] = 1
  ring.pushEntry(1, 0, 0)
  assert.equal(wakes, 2)
})

test('clear drops everything and lets the objects go', () => {
  const ring = new ReadyRing(4)
  for (let i = 0; i < 10; i++) ring.push(JS_KIND, {})
  ring.clear()
  assert.equal(ring.size, 0)
  assert.ok(ring.items.every((item) => item === undefined))
  const item = {}
  ring.push(JS_KIND, item)
  assert.equal(take(ring).item, item)
})
