// Copies of what is written: the caller's memory is its own at once, and a copy's memory is used again
// only when it is no longer needed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeCopy } from '#gyre/backend/copy_buffers'

type Written = (error?: Error | null) => void

/** Copies `data`, and keeps what the stream would be given. */
function copied(data: Uint8Array): { copy: Buffer; written: Written; outcomes: unknown[] } {
  const outcomes: unknown[] = []
  let given: { copy: Buffer; written: Written } | null = null
  const give = (copy: Buffer, written: Written) => {
    given = { copy, written }
  }
  writeCopy(data, give, (error) => outcomes.push(error))
  return { ...(given as unknown as { copy: Buffer; written: Written }), outcomes }
}

for (const bytes of [0, 1, 4095, 4096, 30_000, 65_536, 65_537, 1_000_000]) {
  test(`a copy of ${bytes} bytes is whole, and does not change with the original`, () => {
    const data = Buffer.alloc(bytes, 'a')
    const { copy, written, outcomes } = copied(data)
    data.fill('b')
    assert.equal(copy.length, bytes)
    assert.ok(copy.equals(Buffer.alloc(bytes, 'a')))
    written(null)
    assert.deepEqual(outcomes, [null])
  })
}

test('two copies at a time never share memory; one after the other may', () => {
  const first = copied(Buffer.alloc(10_000, 'a'))
  const second = copied(Buffer.alloc(10_000, 'b'))
  assert.notEqual(first.copy.buffer, second.copy.buffer)
  assert.ok(first.copy.equals(Buffer.alloc(10_000, 'a')))
  first.written()
  const third = copied(Buffer.alloc(20_000, 'c'))
  assert.equal(third.copy.buffer, first.copy.buffer)
  assert.ok(second.copy.equals(Buffer.alloc(10_000, 'b')))
})

test('an error of the write is passed on', () => {
  const { written, outcomes } = copied(Buffer.alloc(5000))
  const error = new Error('gone')
  written(error)
  assert.deepEqual(outcomes, [error])
})
