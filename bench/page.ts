// docs/benchmarks.md, made of the committed results: what was measured on what, and where Gyre loses.

import { FIGURES } from './figures.js'
import { type ArmResult, type CaseResult, readResult, type ScenarioResult } from './results.js'
import type { Figure, Scenario } from './scenario.js'
import { scenarios } from './scenarios.js'

const INTRODUCTION = `# Benchmarks

\`npm run bench\` runs all of these, \`npm run bench -- echo\` one; \`--rounds=N\` sets how many rounds, and
\`--check\` compares with the figures on this page instead of replacing them. Each arm is a process that
lives through all rounds, and the arms take turns, so that what slows the machine down for a while is in all
of them. Servers and the load generator (bench/load.c, bench/connect.c, bench/datagrams.c; wrk for HTTP)
have a core each. A figure is the median of the rounds; a ratio is taken round by round, against the first
arm of its case; the spread is half the interquartile range. CPU time is that of the process, its garbage
collector and compiler included. Below 1 is cheaper than the first arm. Peers that a machine lacks are left
out, and named in the output.

This page is made of [bench/results](../bench/results) by \`npm run bench:docs\`.
`

const COLUMNS: readonly Figure[] = ['cpuNs', 'wallNs', 'p50Us', 'p99Us', 'bytesEach']

function percent(share: number): string {
  return `± ${(share * 100).toFixed(0)} %`
}

function ratioText({ median }: ArmResult['ratio']): string {
  return median.toFixed(median < 0.1 ? 3 : 2)
}

function tableOf({ name, figure, arms }: CaseResult): string {
  const columns = [
    figure,
    ...COLUMNS.filter((key) => key !== figure && arms[0]![key] !== undefined),
  ]
  const titles = columns.map((key) => FIGURES[key].title)
  const rows = arms.map((arm) => {
    const figures = columns.map((key) => FIGURES[key].format(arm[key]!))
    return `| ${[arm.name, ratioText(arm.ratio), percent(arm.ratio.spread), ...figures].join(' | ')} |`
  })
  const header = `| ${[name, 'ratio', 'spread', ...titles].join(' | ')} |`
  return [header, `|---|${'---:|'.repeat(columns.length + 2)}`, ...rows].join('\n')
}

function machineText({ machine, date, load, rounds }: ScenarioResult): string {
  const { cpu, cores, memoryGiB, system, node, pinned } = machine
  const placed = pinned ? 'cores pinned' : 'cores not pinned'
  const hardware = `${date}: ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}`
  return `${hardware}; ${load}; ${placed}; ${rounds} rounds.`
}

/** What the native backend costs more than the first arm, beyond the spread. */
function lossesOf({ cases }: ScenarioResult, scenario: Scenario): string[] {
  return cases.flatMap(({ name, arms }) =>
    arms
      .filter(({ name, ratio }) => name.startsWith('native') && ratio.median > 1 + ratio.spread)
      .map(
        (arm) =>
          `- ${scenario.name}, ${name}: ${arm.name} ${ratioText(arm.ratio)} of ${arms[0]!.name}`,
      ),
  )
}

/** The text of docs/benchmarks.md. */
export function benchmarksPage(): string {
  const sections: string[] = []
  const losses: string[] = []
  for (const scenario of scenarios) {
    const result = readResult(scenario)
    if (result === null) continue
    losses.push(...lossesOf(result, scenario))
    const tables = result.cases.map(tableOf).join('\n\n')
    const picture = `![${scenario.title}](../bench/results/${scenario.name}.svg)`
    sections.push(`## ${scenario.title}\n\n${machineText(result)}\n\n${picture}\n\n${tables}\n`)
  }
  const intro = 'Native arms that are dearer than the first arm of their case:'
  const losing = `## Where it loses\n\n${intro}\n\n${losses.join('\n')}\n`
  return [INTRODUCTION, losing, ...sections].join('\n')
}
