// `npm run bench [-- scenario… [--rounds=N] [--check]]`: runs the arms of each case in turn, A B C A B C
// …, prints what they cost, and writes bench/results/<scenario>.json and .svg. With --check it writes
// nothing, and says what got worse than what stands there.

import { parseArgs } from 'node:util'
import { backendInfo } from 'gyre'
import { type RunningArm, startArm } from './arm_process.js'
import { worsened } from './check.js'
import { describeLoad, whyNoLoad } from './load.js'
import { describeMachine } from './machine.js'
import {
  printCase,
  printChanges,
  printMachine,
  printMissing,
  printScenario,
  printSkipped,
} from './report.js'
import { type CaseResult, readResult, resultOf, writeResult } from './results.js'
import type { Case, Measurement, Scenario } from './scenario.js'
import { findScenario, scenarios } from './scenarios.js'

const ROUNDS = 9
const WARM_UP_ROUNDS = 2

interface Plan {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  /** Compare with the committed results instead of replacing them. */
  readonly isCheck: boolean
}

function planOf(programArguments: readonly string[]): Plan {
  const { values, positionals } = parseArgs({
    args: [...programArguments],
    options: {
      rounds: { type: 'string', default: String(ROUNDS) },
      check: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds=${values.rounds}?`)
  const chosen = positionals.map((name) => {
    const scenario = findScenario(name)
    if (scenario !== undefined) return scenario
    const names = scenarios.map(({ name }) => name).join(', ')
    throw new Error(`there is no scenario '${name}'; there are: ${names}`)
  })
  const isCheck = values.check
  return { scenarios: chosen.length === 0 ? scenarios : chosen, rounds, isCheck }
}

/** The case without the arms that cannot run here; says which peers are missing. */
function runnable<C extends Case>(subject: C): C {
  const hasNative = backendInfo().name === 'native'
  const arms = subject.arms.filter((arm) => {
    if (!('peer' in arm)) return hasNative || arm.backend !== 'native'
    const found = arm.peer.find()
    if ('missing' in found) printMissing(subject.name, arm.name, found.missing)
    return 'command' in found
  })
  return { ...subject, arms }
}

/** Measures all arms in turn, in processes that live through all rounds. */
async function runLasting(scenario: Scenario, subject: Case, rounds: number): Promise<CaseResult> {
  const running: RunningArm[] = []
  try {
    for (const arm of subject.arms) running.push(await startArm(scenario.name, subject, arm))
    const measurements = running.map((): Measurement[] => [])
    const { warmUpRounds = WARM_UP_ROUNDS } = subject
    for (let round = -warmUpRounds; round < rounds; round++) {
      for (const [index, arm] of running.entries()) {
        const measurement = await arm.measure()
        if (round >= 0) measurements[index]!.push(measurement)
      }
    }
    return resultOf(subject, measurements)
  } finally {
    for (const arm of running) arm.close()
  }
}

/** Measures all arms in turn, each time in a new process. */
async function runFresh(scenario: Scenario, subject: Case, rounds: number): Promise<CaseResult> {
  const measurements = subject.arms.map((): Measurement[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [index, arm] of subject.arms.entries()) {
      const running = await startArm(scenario.name, subject, arm)
      measurements[index]!.push(await running.measure())
      running.close()
    }
  }
  return resultOf(subject, measurements)
}

function runCase(scenario: Scenario, subject: Case, roundsWanted: number): Promise<CaseResult> {
  const rounds = Math.min(roundsWanted, subject.roundsMax ?? roundsWanted)
  const runRounds = subject.isFresh === true ? runFresh : runLasting
  return runRounds(scenario, runnable(subject), rounds)
}

async function runScenario(scenario: Scenario, { rounds, isCheck }: Plan): Promise<void> {
  printScenario(scenario, rounds)
  const cases: CaseResult[] = []
  for (const subject of scenario.cases) {
    const why = subject.kind === 'server' ? whyNoLoad(subject.load) : null
    if (why !== null) {
      printSkipped(subject.name, why)
      continue
    }
    const result = await runCase(scenario, subject, rounds)
    printCase(result)
    cases.push(result)
  }
  if (cases.length === 0) return
  const date = new Date().toISOString().slice(0, 10)
  const machine = describeMachine()
  const [first] = scenario.cases
  const load = describeLoad(first?.kind === 'server' ? first.load : undefined)
  const result = { scenario: scenario.name, date, machine, load, rounds, cases }
  if (!isCheck) writeResult(scenario, result)
  else {
    const before = readResult(scenario)
    printChanges(before === null ? null : worsened(before, result))
  }
}

try {
  const plan = planOf(process.argv.slice(2))
  printMachine(describeMachine(), describeLoad())
  const { name, reason } = backendInfo()
  if (name !== 'native') console.log(`Without the native backend, which cannot run here: ${reason}`)
  for (const scenario of plan.scenarios) await runScenario(scenario, plan)
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exitCode = 1
}
