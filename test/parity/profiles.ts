// What a random program is mostly about. A seed belongs to one profile (`profileOf`), so a profile that
// is added later takes new seeds and leaves the recorded ones alone.
//
// A weight is how often the statement is chosen; what is not listed never is.

import type { ResourceKind } from './program.js'
import type { Random } from './random.js'

export type Profile = {
  name: string
  /** Seeds from `first` up to, and without, `first + count` belong to it. */
  first: number
  count: number
  weights: ReadonlyArray<readonly [string, number]>
  /** Whether the programs have locks and queues, and of which kinds. */
  resources: readonly ResourceKind[]
  /** Whether all tasks of the programs are eager. */
  eager: boolean
  /** Who writes the programs: generate.ts or generate_structured.ts. */
  shape: 'flat' | 'structured'
}

const tasks = [
  ['sleep', 16],
  ['log', 3],
  ['create', 14],
  ['call', 4],
  ['await', 14],
  ['cancel', 10],
  ['try', 14],
  ['raise', 4],
  ['return', 3],
  ['future', 2],
  ['setResult', 3],
  ['setException', 2],
  ['inspect', 4],
  ['whoami', 1],
  ['raiseCancelled', 1],
  ['cancelSelf', 3],
  ['uncancel', 2],
  ['cancelling', 3],
  ['repeat', 2],
] as const

const callbacks = [
  ['callSoon', 5],
  ['callLater', 5],
  ['callAt', 3],
  ['cancelHandle', 4],
  ['addCallback', 6],
  ['removeCallback', 3],
] as const

const combining = [
  ['gather', 10],
  ['wait', 8],
  ['asCompleted', 6],
  ['waitFor', 8],
  ['shield', 7],
] as const

const timeouts = [
  ['timeout', 14],
  ['waitFor', 8],
  ['reschedule', 5],
  ['inspectTimeout', 3],
] as const

const groups = [
  ['group', 14],
  ['spawn', 18],
] as const

const locks = [
  ['use', 14],
  ['waitOn', 14],
  ['with', 14],
] as const

const queues = [
  ['use', 22],
  ['waitOn', 26],
] as const

/** For trees: what branches comes about as often as what does not. */
const structures = [
  ['sleep', 26],
  ['log', 2],
  ['raise', 5],
  ['return', 3],
  ['await', 8],
  ['cancel', 6],
  ['cancelSelf', 4],
  ['uncancel', 3],
  ['cancelling', 4],
  ['raiseCancelled', 2],
  ['inspect', 3],
  ['future', 4],
  ['setResult', 3],
  ['setException', 2],
  ['callLater', 4],
  ['cancelHandle', 1],
  ['addCallback', 3],
  ['reschedule', 5],
  ['inspectTimeout', 2],
  ['create', 6],
  ['call', 5],
  ['spawn', 4],
  ['group', 13],
  ['timeout', 15],
  ['waitFor', 12],
  ['gather', 12],
  ['wait', 8],
  ['asCompleted', 6],
  ['shield', 8],
  ['try', 22],
  ['repeat', 2],
] as const

const structuredLocks = [
  ['use', 16],
  ['waitOn', 16],
  ['with', 14],
] as const

/** The same statements, as often as `percent` of their weight says, but never not at all. */
function fewer(
  table: ReadonlyArray<readonly [string, number]>,
  percent: number,
): ReadonlyArray<readonly [string, number]> {
  return table.map(([name, weight]) => [name, Math.max(1, Math.round((weight * percent) / 100))])
}

const lockKinds: readonly ResourceKind[] = [
  'lock',
  'event',
  'condition',
  'semaphore',
  'boundedSemaphore',
  'barrier',
]
const queueKinds: readonly ResourceKind[] = ['queue', 'queue', 'priorityQueue', 'lifoQueue']
const kinds: Readonly<Record<string, readonly ResourceKind[]>> = {
  locks: lockKinds,
  queues: queueKinds,
  'everything with locks and queues': [...lockKinds, ...queueKinds],
  'structures with locks': lockKinds,
  'structures with queues': queueKinds,
}

export const profiles: readonly Profile[] = [
  profile('tasks', 0, 3000, [...tasks, ...fewer(callbacks, 20)]),
  profile('callbacks', 3000, 1500, [...fewer(tasks, 50), ...callbacks]),
  profile('combining', 4500, 3500, [...fewer(tasks, 60), ...combining]),
  profile('timeouts', 8000, 2500, [...fewer(tasks, 60), ...timeouts]),
  profile('groups', 10500, 2500, [...fewer(tasks, 60), ...groups, ...fewer(timeouts, 30)]),
  profile('everything', 13000, 3500, [
    ...fewer(tasks, 50),
    ...fewer(callbacks, 50),
    ...fewer(combining, 60),
    ...fewer(timeouts, 50),
    ...fewer(groups, 50),
  ]),
  profile('eager tasks', 16500, 2000, [
    ...fewer(tasks, 60),
    ...fewer(callbacks, 30),
    ...fewer(combining, 80),
    ...fewer(timeouts, 30),
    ...fewer(groups, 60),
  ]),
  profile('interrupts', 18500, 1000, [
    ...fewer(tasks, 60),
    ...fewer(callbacks, 50),
    ...fewer(combining, 50),
    ...fewer(groups, 30),
    ['interrupt', 6],
  ]),
  profile('locks', 19500, 2500, [...fewer(tasks, 40), ...locks, ...fewer(timeouts, 30)]),
  profile('queues', 22000, 2000, [...fewer(tasks, 40), ...queues, ...fewer(timeouts, 30)]),
  profile('everything with locks and queues', 24000, 2000, [
    ...fewer(tasks, 40),
    ...fewer(callbacks, 30),
    ...fewer(combining, 40),
    ...fewer(timeouts, 40),
    ...fewer(groups, 40),
    ...locks,
  ]),
  profile('callbacks, timeouts and groups', 26000, 2000, [
    ...fewer(tasks, 50),
    ...fewer(callbacks, 60),
    ...fewer(timeouts, 60),
    ...fewer(groups, 60),
  ]),
  profile('structures', 28000, 2500, structures),
  profile('structures with locks', 30500, 1500, [...structures, ...structuredLocks]),
  profile('structures with queues', 32000, 1500, [...structures, ...queues]),
  profile('structures of eager tasks', 33500, 1000, structures),
]

/** The first seed that belongs to no profile: those from here on are not recorded. */
export const seedCount = 34500

function profile(
  name: string,
  first: number,
  count: number,
  weights: ReadonlyArray<readonly [string, number]>,
): Profile {
  return {
    name,
    first,
    count,
    weights,
    resources: kinds[name] ?? [],
    eager: name.includes('eager tasks'),
    shape: name.startsWith('structures') ? 'structured' : 'flat',
  }
}

/** The profile a seed belongs to; seeds beyond all of them go round, for runs longer than the record. */
export function profileOf(seed: number): Profile {
  for (const candidate of profiles) {
    if (seed >= candidate.first && seed < candidate.first + candidate.count) return candidate
  }
  return profiles[seed % profiles.length] as Profile
}

/** How long something takes: few values, so that much happens at the same instant. */
export function pickDelayMs(random: Random): number {
  return random.pick([0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 10])
}
