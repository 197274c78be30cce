// What a run found out, and its file in bench/results/.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chartOf } from './chart.js'
import type { Machine } from './machine.js'
import type { Case, Figure, Measurement, Scenario } from './scenario.js'
import { ratioOf, type Summary, summarize } from './statistics.js'

/** Times are for one operation, request or connection. */
export interface ArmResult {
  readonly name: string
  /** The case's figure against the first arm's, round by round. */
  readonly ratio: Summary
  readonly cpuNs: Summary
  readonly wallNs: Summary
  readonly p50Us?: Summary
  readonly p99Us?: Summary
  readonly bytesEach?: Summary
  readonly rssPeakBytes: number
}

export interface CaseResult {
  readonly name: string
  readonly kind: Case['kind']
  readonly figure: Figure
  /** Operations, requests or connections a round; 'timed': as many as there was time for. */
  readonly count: number | 'timed'
  readonly arms: readonly ArmResult[]
}

export interface ScenarioResult {
  readonly scenario: string
  readonly date: string
  readonly machine: Machine
  readonly load: string
  readonly rounds: number
  readonly cases: readonly CaseResult[]
}

/** `measurements` has one list an arm, in the order of the arms, one entry a round. */
export function resultOf(subject: Case, measurements: readonly Measurement[][]): CaseResult {
  const { name, kind, count, figure = 'cpuNs' } = subject
  const valuesOf = (list: readonly Measurement[], key: Figure) => list.map((entry) => entry[key]!)
  const reference = valuesOf(measurements[0]!, figure)
  const arms = subject.arms.map((arm, index): ArmResult => {
    const list = measurements[index]!
    const optional = (key: 'p50Us' | 'p99Us' | 'bytesEach') =>
      list[0]![key] === undefined ? {} : { [key]: summarize(valuesOf(list, key)) }
    return {
      name: arm.name,
      ratio: ratioOf(valuesOf(list, figure), reference),
      cpuNs: summarize(valuesOf(list, 'cpuNs')),
      wallNs: summarize(valuesOf(list, 'wallNs')),
      ...optional('p50Us'),
      ...optional('p99Us'),
      ...optional('bytesEach'),
      rssPeakBytes: Math.max(...list.map(({ rssPeakBytes }) => rssPeakBytes)),
    }
  })
  return { name, kind, figure, count, arms }
}

const DIRECTORY = fileURLToPath(new URL('../../bench/results', import.meta.url))

/** Six digits say all that can be known, and keep the file readable. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}

/** The committed result of a scenario; null if there is none. */
export function readResult(scenario: Scenario): ScenarioResult | null {
  const path = join(DIRECTORY, `${scenario.name}.json`)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ScenarioResult) : null
}

/** Writes the figures and their picture. */
export function writeResult(scenario: Scenario, result: ScenarioResult): void {
  mkdirSync(DIRECTORY, { recursive: true })
  const path = join(DIRECTORY, scenario.name)
  writeFileSync(`${path}.json`, `${JSON.stringify(result, rounded, 2)}\n`)
  writeFileSync(`${path}.svg`, chartOf(scenario.title, result))
}
