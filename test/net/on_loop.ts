// A test whose body is a coroutine on a loop of its own. What the loop has to report besides (errors
// that nobody caught) fails the test, unless the body asks for the reports.

import assert from 'node:assert/strict'
import test from 'node:test'
import { type Coroutine, type ExceptionContext, getRunningLoop, run } from 'gyre'

const TIMEOUT_MS = 60_000

type Reports = ExceptionContext[]

function* reporting(
  reports: Reports,
  body: (reports: Reports) => Coroutine<void>,
): Coroutine<void> {
  getRunningLoop().setExceptionHandler((_loop, context) => {
    reports.push(context)
  })
  yield* body(reports)
}

/**
 * Declares a test; `body` gets what was reported to the loop's exception handler, and empties it.
 * `skip`: why it cannot run on this machine.
 */
export function testOnLoop(
  name: string,
  body: (reports: Reports) => Coroutine<void>,
  skip: string | false = false,
): void {
  test(name, { timeout: TIMEOUT_MS, skip }, async ({ signal }) => {
    const reports: Reports = []
    await run(() => reporting(reports, body), { signal })
    assert.deepEqual(reports, [], 'the loop had errors to report')
  })
}
