// What a trace says of each coroutine by itself: what is left of it when the order of events within an
// instant does not count.

import { endsAlike } from './recording.js'
import type { Outcome } from './run_program.js'

/** Who did what, in text form: two outcomes with equal projections differ in nothing but order. */
export function project(outcome: Outcome): string[] {
  const byWho = linesByWho(outcome)
  const names = [...byWho.keys()].sort()
  return [`ends with ${outcome.end}`, ...names.flatMap((who) => byWho.get(who) as string[])]
}

function linesByWho(outcome: Outcome): Map<string, string[]> {
  const byWho = new Map<string, string[]>()
  for (const line of outcome.lines) {
    const who = line.split(' ', 2)[1] as string
    const lines = byWho.get(who)
    if (lines === undefined) byWho.set(who, [line])
    else lines.push(line)
  }
  // Errors that the loop reports come from anywhere.
  byWho.get('loop')?.sort()
  return byWho
}

export function projectsAlike(one: Outcome, other: Outcome): boolean {
  return one.end === other.end && project(one).join('\n') === project(other).join('\n')
}

/**
 * Whether Gyre's outcome is CPython's but for the order within the instants. Where CPython's trace ends
 * before the program does, Gyre's may go on, from the same instant.
 */
export function isLike(expected: Outcome, actual: Outcome): boolean {
  if (expected.end === 'returned') return projectsAlike(expected, actual)
  if (!endsAlike(expected.end, actual.end)) return false
  const before = linesByWho(expected)
  const after = linesByWho(actual)
  const endsAt = timeOf(expected.lines.at(-1) as string)
  for (const [who, lines] of after) {
    const known = before.get(who)?.length ?? 0
    if (who !== 'loop' && lines.slice(known).some((line) => timeOf(line) < endsAt)) return false
  }
  return [...before].every(([who, lines]) => isBeginningOf(lines, after.get(who) ?? [], who))
}

function isBeginningOf(some: string[], all: string[], who: string): boolean {
  // The loop's reports are sorted: they keep to no order.
  if (who === 'loop') return some.every((line) => all.includes(line))
  return some.every((line, index) => line === all[index])
}

function timeOf(line: string): number {
  return Number.parseInt(line, 10)
}
