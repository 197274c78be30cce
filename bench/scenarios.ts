// All scenarios, in the order in which they run.

import { callSoon } from './call_soon.js'
import { echo } from './echo.js'
import { gathering } from './gather.js'
import type { Scenario } from './scenario.js'
import { taskSwitch } from './task_switch.js'
import { timers } from './timers.js'

export const scenarios: readonly Scenario[] = [echo, timers, callSoon, taskSwitch, gathering]

export function findScenario(name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name === name)
}
