// A million timers that are all pending, as of as many connections with a time limit: the memory that
// each takes, and how arming and cancelling grow with their number.

import { type Coroutine, getRunningLoop, sleep } from 'gyre'
import { type OperationCase, type Own, onBothBackends, type Scenario } from './scenario.js'

const DELAY_MS = 3_600_000

function mustNotFire(): void {
  throw new Error('an hour has not passed')
}

declare const gc: () => void

/** Bytes of this process that are in use, in the heap and outside of it. */
function bytesInUse(): number {
  for (let i = 0; i < 3; i++) gc()
  return process.memoryUsage.rss()
}

/** What `create`, called `count` times, makes the process grow by, and costs. */
function growth(count: number, create: () => unknown): Own {
  const bytesBefore = bytesInUse()
  const { user, system } = process.cpuUsage()
  for (let i = 0; i < count; i++) create()
  const used = process.cpuUsage()
  const cpuNs = ((used.user + used.system - user - system) * 1e3) / count
  return { cpuNs, bytesEach: (bytesInUse() - bytesBefore) / count }
}

function arming(name: string, count: number): OperationCase {
  return {
    kind: 'operation',
    name,
    count,
    figure: 'bytesEach',
    roundsMax: 3,
    isFresh: true,
    arms: [
      {
        name: 'setTimeout',
        backend: null,
        round: (count) => growth(count, () => setTimeout(mustNotFire, DELAY_MS).unref()),
      },
      ...onBothBackends('callLater', {
        *steps(count: number): Coroutine<Own> {
          const loop = getRunningLoop()
          return growth(count, () => loop.callLater(DELAY_MS, mustNotFire))
        },
      }),
      ...onBothBackends('sleep', {
        *steps(count: number): Coroutine<Own> {
          return growth(count, () => sleep(DELAY_MS))
        },
      }),
    ],
  }
}

export const timersPending: Scenario = {
  name: 'pending',
  title:
    'Timers that are all pending, their handles dropped: memory of each, and CPU time to arm it',
  cases: [arming('10,000', 10_000), arming('100,000', 100_000), arming('1,000,000', 1_000_000)],
}
