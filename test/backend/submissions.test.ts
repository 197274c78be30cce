// Submissions: what native code finds in the ring, when it is drained.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NativeOp } from '#gyre/backend/native_addon'
import { Control, ReadyRing } from '#gyre/backend/ready_ring'
import { Submissions } from '#gyre/backend/submissions'

function make(): { submissions: Submissions; ring: ReadyRing; flushes: () => number } {
  const ring = new ReadyRing()
  let count = 0
  const flush = () => {
    count++
    ring.control[Control.SUBMIT_HEAD] = ring.control[Control.SUBMIT_TAIL] as number
  }
  return { submissions: new Submissions(ring, flush, () => {}), ring, flushes: () => count }
}

function pending(ring: ReadyRing): number {
  const { control } = ring
  return ((control[Control.SUBMIT_TAIL] as number) - (control[Control.SUBMIT_HEAD] as number)) | 0
}

test('what was submitted is known to be taken when it is, also where the counters change their sign', () => {
  for (const start of [0, 2 ** 31 - 2, -2]) {
    const { submissions, ring } = make()
    ring.control[Control.SUBMIT_HEAD] = ring.control[Control.SUBMIT_TAIL] = start
    const before = submissions.tail
    for (let i = 0; i < 3; i++) submissions.push(NativeOp.READ_STOP, 0, i, 0, 0)
    const { tail } = submissions
    assert.equal(submissions.hasTaken(before), true)
    assert.equal(submissions.hasTaken(tail), false)
    ring.control[Control.SUBMIT_HEAD] = tail
    assert.equal(submissions.hasTaken(tail), true)
  }
})

test('a full ring is drained, and so is a full slab', () => {
  const { submissions, ring, flushes } = make()
  for (let i = 0; i < 1025; i++) submissions.push(NativeOp.READ_STOP, 0, i, 0, 0)
  assert.equal(flushes(), 1)
  assert.equal(pending(ring), 1)
  const chunk = new Uint8Array(16 * 1024)
  for (let i = 0; i < 17; i++) submissions.send(0, 1, chunk)
  assert.equal(flushes(), 2)
})
