// Compares what async functions do, and both kinds of coroutines in one program, with what generators do:
// the same results, errors, cancellations and times in every coroutine. The order of events within an
// instant may be another, so only programs are compared that depend on none (traces/settled.json).

import { firstDifference } from './compare.js'
import { generate } from './generate.js'
import { generators } from './interpret.js'
import { asyncFunctions } from './interpret_async.js'
import type { Profile } from './profiles.js'
import { project } from './projection.js'
import { readSettled } from './recording.js'
import { runProgram, type Style } from './run_program.js'

export const settled = readSettled()

/** Every other coroutine is an async function: each kind calls, awaits and cancels the other. */
export const mixed: Style = {
  start: (env, instance) =>
    (instance.coro % 2 === 0 ? generators : asyncFunctions).start(env, instance),
  main: generators.main,
}

/** The differences of the profile's programs in this style. */
export async function compareWith(style: Style, { first, count }: Profile): Promise<string[]> {
  const failures: string[] = []
  for (const seed of settled) {
    if (seed < first || seed >= first + count) continue
    const difference = await compareStyles(seed, style)
    if (difference !== null) failures.push(`seed ${seed}: ${difference}`)
  }
  return failures
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
