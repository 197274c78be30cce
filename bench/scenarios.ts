// All scenarios, in the order in which they run.

import { callSoon } from './call_soon.js'
import { cancelling } from './cancel.js'
import { connections } from './connections.js'
import { echo } from './echo.js'
import { futures } from './futures.js'
import { gathering } from './gather.js'
import { growth } from './growth.js'
import { httpServers } from './http.js'
import { lateness } from './lateness.js'
import { locks } from './lock.js'
import { mixed } from './mixed.js'
import { pipelined } from './pipelined.js'
import { pool } from './pool.js'
import { queues } from './queue.js'
import type { Scenario } from './scenario.js'
import { spawning } from './spawn.js'
import { startup } from './startup.js'
import { taskSwitch } from './task_switch.js'
import { timeLimits } from './time_limits.js'
import { timers } from './timers.js'
import { timersPending } from './timers_pending.js'
import { tlsServers } from './tls.js'
import { udp } from './udp.js'

export const scenarios: readonly Scenario[] = [
  echo,
  pipelined,
  connections,
  udp,
  httpServers,
  tlsServers,
  mixed,
  timers,
  timersPending,
  timeLimits,
  lateness,
  callSoon,
  taskSwitch,
  futures,
  gathering,
  spawning,
  cancelling,
  locks,
  queues,
  growth,
  startup,
  pool,
]

export function findScenario(name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name === name)
}
