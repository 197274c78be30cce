// Runs the programs of a profile as generator coroutines and compares them with what is recorded.

import { firstDifference } from './compare.js'
import { generate } from './generate.js'
import { generators } from './interpret.js'
import { Oracle } from './oracle.js'
import { oracleVersion } from './oracle_process.js'
import type { Profile } from './profiles.js'
import { cutTo, isAsRecorded, Recording } from './recording.js'
import { type Outcome, runProgram } from './run_program.js'

const recording = Recording.read()
/** So many differing programs of one profile are told of. */
export const failuresMax = 5

/** What differs from the record, said of the first few programs of the profile. */
export async function replay(profile: Profile): Promise<string[]> {
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
