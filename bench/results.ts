// What a run found out, and its file in bench/results/.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.js'
import type { Case, Measurement, Scenario } from './scenario.js'
import { ratioOf, type Summary, summarize } from './statistics.js'

/** Times are for one operation or request. */
export interface ArmResult {
  readonly name: string
  readonly cpuNs: Summary
  /** CPU time against the first arm's, round by round. */
  readonly ratio: Summary
  readonly wallNs: Summary
  readonly p50Us?: Summary
  readonly p99Us?: Summary
  readonly rssPeakBytes: number
}

export interface CaseResult {
  readonly name: string
  readonly kind: Case['kind']
  /** Operations or requests a round. */
  readonly count: number
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
  const cpuOf = (list: readonly Measurement[]) => list.map(({ cpuNs }) => cpuNs)
  const reference = cpuOf(measurements[0]!)
  const arms = subject.arms.map(({ name }, index): ArmResult => {
    const list = measurements[index]!
    const latency = (key: 'p50Us' | 'p99Us') =>
      subject.kind === 'server' ? { [key]: summarize(list.map((entry) => entry[key]!)) } : {}
    return {
      name,
      cpuNs: summarize(cpuOf(list)),
      ratio: ratioOf(cpuOf(list), reference),
      wallNs: summarize(list.map(({ wallNs }) => wallNs)),
      ...latency('p50Us'),
      ...latency('p99Us'),
      rssPeakBytes: Math.max(...list.map(({ rssPeakBytes }) => rssPeakBytes)),
    }
  })
  return { name: subject.name, kind: subject.kind, count: subject.count, arms }
}

const DIRECTORY = fileURLToPath(new URL('../../bench/results', import.meta.url))

/** Six digits say all that can be known, and keep the file readable. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}

export function writeResult(scenario: Scenario, result: Omit<ScenarioResult, 'scenario'>): void {
  mkdirSync(DIRECTORY, { recursive: true })
  const content = { scenario: scenario.name, ...result }
  const path = join(DIRECTORY, `${scenario.name}.json`)
  writeFileSync(path, `${JSON.stringify(content, rounded, 2)}\n`)
}
