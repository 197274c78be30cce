// `npm run bench -- --check`: what got worse than the committed results, beyond what the rounds spread.

import type { ArmResult, CaseResult, ScenarioResult } from './results.js'

/** The least change that is worth a line. */
const TOLERANCE = 0.05

export interface Change {
  readonly caseName: string
  readonly armName: string
  readonly ratioBefore: number
  readonly ratioNow: number
}

function isWorse(before: ArmResult, now: ArmResult): boolean {
  const spread = before.ratio.spread + now.ratio.spread
  return now.ratio.median > before.ratio.median * (1 + Math.max(TOLERANCE, spread))
}

function changesOf(before: CaseResult, now: CaseResult): Change[] {
  return now.arms.flatMap((arm) => {
    const armBefore = before.arms.find(({ name }) => name === arm.name)
    if (armBefore === undefined || !isWorse(armBefore, arm)) return []
    const [ratioBefore, ratioNow] = [armBefore.ratio.median, arm.ratio.median]
    return [{ caseName: now.name, armName: arm.name, ratioBefore, ratioNow }]
  })
}

/** The arms whose ratio to the first arm of their case rose. */
export function worsened(before: ScenarioResult, now: ScenarioResult): Change[] {
  return now.cases.flatMap((result) => {
    const resultBefore = before.cases.find(({ name }) => name === result.name)
    return resultBefore === undefined ? [] : changesOf(resultBefore, result)
  })
}
