// Random programs behave under Gyre as they do under CPython's asyncio, to the last line of their traces.
// What CPython does is recorded (traces/, `npm run parity:record`), so that no Python is needed here.
// `npm run parity:show -- SEED` shows one program and both traces, and `-- SEED --shrink` a smaller one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstDifference } from './compare.js'
import { generate } from './generate.js'
import { generators } from './interpret.js'
import { Oracle, oracleVersion } from './oracle.js'
import type { Profile } from './profiles.js'
import { profiles, seedCount } from './profiles.js'
import { cutTo, isAsRecorded, Recording } from './recording.js'
import { type Outcome, runProgram } from './run_program.js'

const recording = Recording.read()
/** So many differing programs of one profile are told of. */
const failuresMax = 5

test('every program of every profile is recorded', () => {
  assert.equal(recording.about.seedCount, seedCount)
  assert.ok(seedCount >= 20_000)
})

for (const profile of profiles) {
  test(`programs of the profile "${profile.name}" behave as under CPython`, async () => {
    const failures = await replay(profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
}

async function replay(profile: Profile): Promise<string[]> {
  const failures: string[] = []
  for (let seed = profile.first; seed < profile.first + profile.count; seed++) {
    const outcome = await runProgram(generate(seed), generators)
    if (isAsRecorded(recording.digest(seed), outcome)) continue
    // The first few are enough to read; the others are only counted.
    failures.push(failures.length < failuresMax ? await explain(seed, outcome) : '')
  }
  return failures
}

async function explain(seed: number, outcome: Outcome): Promise<string> {
  const digest = recording.digest(seed)
  const { lineCount, end } = digest
  const ends = end === outcome.end ? '' : `ends with "${outcome.end}" instead of "${end}"; `
  const heading = `seed ${seed}: ${ends}see npm run parity:show -- ${seed}`
  const lines = cutTo(digest, outcome)
  const whole = recording.whole(seed) ?? (await askAgain(seed))
  if (whole !== null) return `${heading}\n${firstDifference(whole, lines)}`
  return `${heading}\n${lines.length} lines instead of ${lineCount}, or as many that differ`
}

/** Where there is a CPython 3.13, it can tell what was not recorded as a whole. */
async function askAgain(seed: number): Promise<string[] | null> {
  if (oracleVersion() === null) return null
  await using oracle = new Oracle()
  return (await oracle.ask(generate(seed))).lines
}
