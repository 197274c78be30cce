// Which outcomes count as one where the order of events within an instant does not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLike, projectsAlike } from './projection.js'
import type { Outcome } from './run_program.js'

const base = [
  '0 c0.1 start',
  '0 c1.1 start',
  '3 c0.1 returned 1',
  '3 loop orphan A',
  '3 loop orphan B',
]
const expected: Outcome = { end: 'returned', lines: base }

test('the order of authors within an instant and of what the loop reports does not count', () => {
  const lines = ['0 c1.1 start', '0 c0.1 start', '3 loop orphan B', '3 loop orphan A']
  const actual: Outcome = { end: 'returned', lines: [...lines, '3 c0.1 returned 1'] }
  assert.ok(projectsAlike(expected, actual))
  assert.ok(isLike(expected, actual))
})

test('the order, the time and the number of lines of one author count', () => {
  for (const lines of [base.toReversed(), base.slice(1), base.with(2, '4 c0.1 returned 1')]) {
    assert.equal(isLike(expected, { end: 'returned', lines }), false)
  }
})

test("Gyre's trace may go on where CPython's ends in a deadlock, from that instant", () => {
  const lines = ['0 c0.1 start', '2 c1.1 start']
  const deadlock: Outcome = { end: 'deadlock', lines }
  const goesOn = [...lines, '2 c0.1 x await CancelledError()']
  assert.ok(isLike(deadlock, { end: 'deadlock', lines: goesOn }))
  assert.ok(isLike(deadlock, { end: 'interrupt', lines: goesOn }))
  assert.equal(isLike(deadlock, { end: 'returned', lines: goesOn }), false)
  const earlier = ['0 c0.1 start', '1 c0.1 = log 1', '2 c1.1 start']
  assert.equal(isLike(deadlock, { end: 'deadlock', lines: earlier }), false)
  assert.equal(isLike(deadlock, { end: 'deadlock', lines: lines.slice(0, 1) }), false)
})
