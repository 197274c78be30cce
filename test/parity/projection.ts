// What a trace says of each coroutine by itself: what is left of it when the order of events within an
// instant does not count.

import type { Outcome } from './run_program.js'

/** Who did what, in text form: two outcomes with equal projections differ in nothing but order. */
export function project(outcome: Outcome): string[] {
  const byWho = new Map<string, string[]>()
  for (const line of outcome.lines) {
    const who = line.split(' ', 2)[1] as string
    const lines = byWho.get(who)
    if (lines === undefined) byWho.set(who, [line])
    else lines.push(line)
  }
  // Errors that the loop reports come from anywhere.
  byWho.get('loop')?.sort()
  const names = [...byWho.keys()].sort()
  return [`ends with ${outcome.end}`, ...names.flatMap((who) => byWho.get(who) as string[])]
}

export function projectsAlike(one: Outcome, other: Outcome): boolean {
  return one.end === other.end && project(one).join('\n') === project(other).join('\n')
}
