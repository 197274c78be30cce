// Prints results as tables, one a case: what one operation costs each arm, and how that compares
// with the first.

import type { Change } from './check.js'
import { FIGURES } from './figures.js'
import type { Machine } from './machine.js'
import type { ArmResult, CaseResult } from './results.js'
import type { Figure, Scenario } from './scenario.js'
import type { Summary } from './statistics.js'

type Row = readonly string[]

function formatSpread({ spread }: Summary): string {
  return `± ${(spread * 100).toFixed(0)} %`
}

function formatRatio(ratio: Summary): string {
  return ratio.median < 0.1 ? ratio.median.toFixed(3) : ratio.median.toFixed(2)
}

interface Column {
  readonly title: string
  cell(result: ArmResult): string
}

function figureColumn(figure: Figure): Column {
  const { title, format } = FIGURES[figure]
  return {
    title,
    cell: (result) => (result[figure] === undefined ? '' : format(result[figure])),
  }
}

const RATE: Column = {
  title: 'a second',
  cell: ({ wallNs }) => Math.round(1e9 / wallNs.median).toLocaleString('en'),
}
const MEMORY: Column = {
  title: 'peak RSS',
  cell: ({ rssPeakBytes }) => `${Math.round(rssPeakBytes / 2 ** 20)} MiB`,
}

function columnsOf({ kind, figure, arms }: CaseResult): Column[] {
  const others: Figure[] = ['cpuNs', 'wallNs', 'p50Us', 'p99Us', 'bytesEach']
  return [
    figureColumn(figure),
    { title: 'spread', cell: (result) => formatSpread(result[figure]!) },
    { title: 'ratio', cell: ({ ratio }) => formatRatio(ratio) },
    { title: 'spread', cell: ({ ratio }) => formatSpread(ratio) },
    ...(kind === 'server' ? [RATE] : []),
    ...others.filter((key) => key !== figure && arms[0]![key] !== undefined).map(figureColumn),
    MEMORY,
  ]
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

/** What --check found; null where there is nothing to compare with. */
export function printChanges(changes: readonly Change[] | null): void {
  if (changes === null) console.log('  (no committed result to compare with)')
  else if (changes.length === 0) console.log('  Nothing got worse than the committed result.')
  for (const { caseName, armName, ratioBefore, ratioNow } of changes ?? []) {
    const [before, now] = [ratioBefore, ratioNow].map((ratio) => ratio.toFixed(3))
    console.log(`  WORSE: ${caseName}: ${armName}: ${before} -> ${now} of the first arm`)
  }
}

export function printMissing(caseName: string, armName: string, why: string): void {
  console.log(`  ${caseName}: without ${armName}: ${why}`)
}

export function printSkipped(caseName: string, why: string): void {
  console.log(`  ${caseName}: not measured: ${why}`)
}

export function printCase(result: CaseResult): void {
  const columns = columnsOf(result)
  const rows = result.arms.map((arm) => [arm.name, ...columns.map((column) => column.cell(arm))])
  printTable([[`- ${result.name}`, ...columns.map(({ title }) => title)], ...rows])
}
