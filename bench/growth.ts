// Cost must grow as the work does: the same work for more and more connections, timers and tasks.

import { type Coroutine, type Future, gather, sleep } from 'gyre'
import { echoServers } from './echo_servers.js'
import {
  type Case,
  type OperationCase,
  onBothBackends,
  type Scenario,
  type ServerCase,
} from './scenario.js'

const DELAY_MS = 3_600_000
const ECHO_ARMS = ['node:net', 'native protocol', 'fallback protocol', 'C, epoll']
const ROUNDS_MAX = 5

function echo(connections: number): ServerCase {
  return {
    kind: 'server',
    name: `echo, ${connections.toLocaleString('en')} connections`,
    load: { connections, messageBytes: 1024, window: 1 },
    count: connections === 1 ? 10_000 : 40_000,
    roundsMax: ROUNDS_MAX,
    arms: echoServers.filter(({ name }) => ECHO_ARMS.includes(name)),
  }
}

/** Small numbers of them are repeated, so that a round is long enough to be measured. */
const COUNT_MIN = 100_000

/** All are armed, then all are cancelled. */
function timers(pending: number): OperationCase {
  return {
    kind: 'operation',
    name: `timers, ${pending.toLocaleString('en')} pending`,
    count: Math.max(pending, COUNT_MIN),
    roundsMax: ROUNDS_MAX,
    arms: [
      {
        name: 'setTimeout, clearTimeout',
        backend: null,
        round(count) {
          for (let left = count; left > 0; left -= pending) {
            const armed = Array.from({ length: pending }, () => setTimeout(() => {}, DELAY_MS))
            for (const timeout of armed) clearTimeout(timeout)
          }
        },
      },
      ...onBothBackends('sleep, cancel', {
        *steps(count: number): Coroutine<void> {
          for (let left = count; left > 0; left -= pending) {
            const armed: Future<void>[] = Array.from({ length: pending }, () => sleep(DELAY_MS))
            for (const future of armed) future.cancel()
          }
        },
      }),
    ],
  }
}

function* giveWay(): Coroutine<void> {
  yield* sleep(0)
}

async function giveWayToNode(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** As many tasks at once, each of which gives way once. */
function tasks(atOnce: number): OperationCase {
  return {
    kind: 'operation',
    name: `tasks, ${atOnce.toLocaleString('en')} at once`,
    count: Math.max(atOnce, COUNT_MIN),
    roundsMax: ROUNDS_MAX,
    arms: [
      {
        name: 'Promise.all',
        backend: null,
        async round(count) {
          for (let left = count; left > 0; left -= atOnce) {
            await Promise.all(Array.from({ length: atOnce }, giveWayToNode))
          }
        },
      },
      ...onBothBackends('gather', {
        *steps(count: number): Coroutine<void> {
          for (let left = count; left > 0; left -= atOnce) {
            yield* gather(Array.from({ length: atOnce }, giveWay))
          }
        },
      }),
    ],
  }
}

const cases: readonly Case[] = [
  ...[1, 10, 100, 1000, 10_000].map(echo),
  ...[1000, 10_000, 100_000, 1_000_000, 10_000_000].map(timers),
  ...[10, 100, 1000, 10_000, 100_000, 1_000_000].map(tasks),
]

export const growth: Scenario = {
  name: 'growth',
  title: 'More and more of the same, CPU time for each',
  cases,
}
