// Copies of what is written: the caller's memory is its own at once, and a copy's memory is used again
// only when it is no longer needed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyBuffer } from '#gyre/backend/copy_buffer'

for (const bytes of [1, 1024, 1025, 4095, 30_000, 65_536, 65_537, 262_144]) {
  test(`a copy of ${bytes} bytes is whole, and does not change with the original`, () => {
    const data = Buffer.alloc(bytes, 'a')
    const buffer = CopyBuffer.take(bytes)
    const copy = buffer.copy(data)
    data.fill('b')
    assert.ok(copy.equals(Buffer.alloc(bytes, 'a')))
    // No more than four times as much is held for it, but for what is tiny.
    assert.ok(copy.buffer.byteLength <= Math.max(1024, 4 * bytes))
    buffer.release()
  })
}

test('the memory of more than the largest is not kept', () => {
  const data = Buffer.alloc(256 * 1024 + 1, 'a')
  const buffer = CopyBuffer.take(data.length)
  const copy = buffer.copy(data)
  assert.ok(copy.equals(data))
  buffer.release()
  const next = CopyBuffer.take(data.length).copy(data)
  assert.notEqual(next.buffer, copy.buffer)
})

test('two copies at a time never share memory; one after the other may, of any length', () => {
  const first = CopyBuffer.take(10_000)
  const second = CopyBuffer.take(10_000)
  const a = first.copy(Buffer.alloc(10_000, 'a'))
  const b = second.copy(Buffer.alloc(10_000, 'b'))
  assert.notEqual(a.buffer, b.buffer)
  assert.ok(a.equals(Buffer.alloc(10_000, 'a')))
  first.release()
  const third = CopyBuffer.take(7000)
  const c = third.copy(Buffer.alloc(7000, 'c'))
  assert.equal(c.buffer, a.buffer)
  assert.equal(c.length, 7000)
  assert.ok(b.equals(Buffer.alloc(10_000, 'b')))
  second.release()
  third.release()
})

test('only so many are kept for the next burst', () => {
  const many = Array.from({ length: 40 }, () => CopyBuffer.take(65_536))
  const memory = new Set(many.map((buffer) => buffer.copy(Buffer.alloc(1)).buffer))
  assert.equal(memory.size, many.length)
  for (const buffer of many) buffer.release()
  const again = Array.from({ length: 40 }, () => CopyBuffer.take(65_536))
  const kept = again.filter((buffer) => memory.has(buffer.copy(Buffer.alloc(1)).buffer))
  assert.equal(kept.length, 16)
  for (const buffer of again) buffer.release()
})
