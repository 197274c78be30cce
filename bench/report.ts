// Prints results as tables, one a case: what one operation costs each arm, and how that compares
// with the first.

import type { Machine } from './machine.js'
import type { ArmResult, CaseResult } from './results.js'
import type { Scenario } from './scenario.js'
import type { Summary } from './statistics.js'

type Row = readonly string[]

function formatTime(ns: number): string {
  return ns < 10_000 ? `${ns.toFixed(0)} ns` : `${(ns / 1e3).toFixed(1)} us`
}

function formatLatency(us: number): string {
  return us < 10_000 ? `${us.toFixed(0)} us` : `${(us / 1e3).toFixed(1)} ms`
}

function formatSpread({ spread }: Summary): string {
  return `± ${(spread * 100).toFixed(0)} %`
}

function formatRatio(ratio: Summary): string {
  return ratio.median < 0.1 ? ratio.median.toFixed(3) : ratio.median.toFixed(2)
}

const COMMON_COLUMNS: Row = ['CPU', 'min', 'spread', 'ratio', 'spread']

function commonCells({ cpuNs, ratio }: ArmResult): Row {
  return [
    formatTime(cpuNs.median),
    formatTime(cpuNs.min),
    formatSpread(cpuNs),
    formatRatio(ratio),
    formatSpread(ratio),
  ]
}

function operationCells(result: ArmResult): Row {
  return [formatTime(result.wallNs.median)]
}

function serverCells({ wallNs, p50Us, p99Us }: ArmResult): Row {
  const rate = Math.round(1e9 / wallNs.median).toLocaleString('en')
  const latencies = [p50Us, p99Us].map((latency) =>
    latency === undefined ? '' : formatLatency(latency.median),
  )
  return [rate, ...latencies]
}

function formatMemory({ rssPeakBytes }: ArmResult): string {
  return `${Math.round(rssPeakBytes / 2 ** 20)} MiB`
}

function printTable(rows: readonly Row[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    )
    console.log(`  ${cells.join('  ')}`.trimEnd())
  }
}

export function printMachine(machine: Machine, load: string): void {
  const { cpu, cores, memoryGiB, system, node, v8, pinned } = machine
  console.log(`${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}, V8 ${v8}`)
  console.log(`Load: ${load}; ${pinned ? 'server and load on a core each' : 'cores not pinned'}`)
}

export function printScenario(scenario: Scenario, rounds: number): void {
  console.log(`\n${scenario.title} (${scenario.name}; ${rounds} rounds, arms in turn, medians)`)
}

export function printMissing(caseName: string, armName: string, why: string): void {
  console.log(`  ${caseName}: without ${armName}: ${why}`)
}

export function printCase({ name, kind, arms }: CaseResult): void {
  const isServer = kind === 'server'
  const ownColumns = isServer ? ['requests/s', 'p50', 'p99'] : ['elapsed']
  const rows = arms.map((result) => [
    result.name,
    ...commonCells(result),
    ...(isServer ? serverCells(result) : operationCells(result)),
    formatMemory(result),
  ])
  printTable([[`- ${name}`, ...COMMON_COLUMNS, ...ownColumns, 'peak RSS'], ...rows])
}
