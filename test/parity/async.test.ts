// The same random programs as async functions, and with both kinds of coroutines in one program: the same
// results, errors, cancellations and times in every coroutine. The order of events within an instant may
// be another, so only programs are compared that depend on none (traces/settled.json); what they must do
// is what they do as generator coroutines, which parity.test.ts compares with CPython.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstDifference } from './compare.js'
import { generate } from './generate.js'
import { generators } from './interpret.js'
import { asyncFunctions } from './interpret_async.js'
import { type Profile, profiles } from './profiles.js'
import { project } from './projection.js'
import { readSettled } from './recording.js'
import { runProgram, type Style } from './run_program.js'

const settled = readSettled()
/** Every other coroutine is an async function: each kind calls, awaits and cancels the other. */
const mixed: Style = {
  start: (env, instance) =>
    (instance.coro % 2 === 0 ? generators : asyncFunctions).start(env, instance),
  main: generators.main,
}
/** So many differing programs of one profile are told of. */
const failuresMax = 5

test('there are settled programs to compare', () => {
  assert.ok(settled.length >= 1000)
})

for (const profile of profiles) {
  test(`async functions of the profile "${profile.name}" do what generators do`, async () => {
    await compareWith(asyncFunctions, profile)
  })
  test(`both kinds mixed, of the profile "${profile.name}", do what generators do`, async () => {
    await compareWith(mixed, profile)
  })
}

async function compareWith(style: Style, { first, count }: Profile): Promise<void> {
  const failures: string[] = []
  for (const seed of settled) {
    if (seed < first || seed >= first + count) continue
    const difference = await compareStyles(seed, style)
    if (difference !== null) failures.push(`seed ${seed}: ${difference}`)
  }
  assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
}

async function compareStyles(seed: number, style: Style): Promise<string | null> {
  const expected = await runProgram(generate(seed), generators)
  const actual = await runProgram(generate(seed), style)
  // What happens while a program is shut down that has not returned is compared by nobody.
  if (expected.end !== 'returned' && expected.end === actual.end) return null
  const before = project(expected)
  const after = project(actual)
  return before.join('\n') === after.join('\n') ? null : firstDifference(before, after)
}
