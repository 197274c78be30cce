// ByteQueue against the obvious model, a string: what is taken, and where things are found across the
// seams of chunks.

import assert from 'node:assert/strict'
import test from 'node:test'
import { ByteQueue } from '#gyre/net/byte_queue'

const base = Number(process.env.GYRE_TEST_SEED ?? Date.now() % 1_000_000)

function randomFrom(seed: number): (bound: number) => number {
  let state = (seed * 2_654_435_761) | 1
  return (bound) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % bound
  }
}

function compare(seed: number): void {
  const random = randomFrom(seed)
  const queue = new ByteQueue()
  let model = ''
  const word = (length: number): string => Array.from({ length }, () => 'ab'[random(2)]).join('')
  for (let step = 0; step < 200; step++) {
    const kind = random(10)
    if (kind < 4) {
      const text = word(random(6))
      queue.push(Buffer.from(text))
      model += text
    } else if (kind < 6) {
      const count = random(model.length + 1)
      assert.equal(queue.take(count).toString(), model.slice(0, count), `seed ${seed}`)
      model = model.slice(count)
    } else if (kind === 6 && random(5) === 0) {
      assert.equal(queue.take(queue.length).toString(), model, `seed ${seed}`)
      model = ''
    } else {
      const wanted = word(1 + random(7))
      const from = random(model.length + 1)
      const found = queue.indexOf(Buffer.from(wanted), from)
      assert.equal(found, model.indexOf(wanted, from), `seed ${seed}: ${wanted} in ${model}`)
    }
    assert.equal(queue.length, model.length, `seed ${seed}`)
  }
}

test(`random operations give what a string would (seed ${base})`, () => {
  for (let round = 0; round < 1000; round++) compare(base + round)
})

test('a separator is found across many chunks, and none is seen that is not there', () => {
  const queue = new ByteQueue()
  for (const byte of 'xx\r\r\n\r\r\n\r\nyy') queue.push(Buffer.from(byte))
  assert.equal(queue.indexOf(Buffer.from('\r\n\r\n'), 0), 6)
  assert.equal(queue.indexOf(Buffer.from('\r\n\r\n'), 7), -1)
  assert.equal(queue.indexOf(Buffer.from('\r\n\r\r'), 0), 3)
})
