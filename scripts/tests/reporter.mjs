// A node:test reporter for machines: one JSON line for each test that ended, read back by
// run-tests.mjs. Suites, and tests that failed only because of a subtest, are not counted: their
// parts are.

import { AssertionError } from 'node:assert'
import { inspect } from 'node:util'

const INTERNAL_FRAME = /^\s+at .*\(?node:(internal\/|async_hooks:)/

/** What a reader needs of a failure: the error that was thrown, without the runner's frames. */
function describe(failure) {
  const thrown = failure?.cause ?? failure
  // An assertion's message shows the difference; its properties would show it twice.
  const text = thrown instanceof AssertionError ? thrown.stack : inspect(thrown)
  return text
    .split('\n')
    .filter((line) => !INTERNAL_FRAME.test(line))
    .join('\n')
}

function outcomeOf(type, data) {
  if (data.skip !== undefined || data.todo !== undefined) return 'skipped'
  return type === 'test:pass' ? 'passed' : 'failed'
}

export default async function* report(events) {
  const path = []
  for await (const { type, data } of events) {
    if (type === 'test:start') path[data.nesting] = data.name
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const failure = data.details.error
    if (data.details.type === 'suite' && failure === undefined) continue
    if (failure?.failureType === 'subtestsFailed') continue
    const outcome = outcomeOf(type, data)
    const name = [...path.slice(0, data.nesting), data.name].join(' > ')
    const error = outcome === 'failed' ? describe(failure) : undefined
    yield `${JSON.stringify({ outcome, name, error })}\n`
  }
}
