// What a future fails with, for tests that expect it to.

import assert from 'node:assert/strict'
import { type Coroutine, type Future, gather } from 'gyre'

/** Waits for `future` to fail, and gives its error. */
export function* failure(future: Future<unknown>): Coroutine<NodeJS.ErrnoException> {
  const [outcome] = yield* gather([future], { returnExceptions: true })
  assert.ok(outcome instanceof Error, `it gave ${outcome}`)
  return outcome
}
