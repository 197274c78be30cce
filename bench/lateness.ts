// How late timers fire: one after the other on an idle core, below a millisecond as well, and among
// steps that keep the loop busy.

import { type Coroutine, createTask, sleep } from 'gyre'
import { type OperationCase, type Own, onBothBackends, type Scenario } from './scenario.js'
import { latenessOf } from './statistics.js'

const STEP_MS = 0.2
/** Two thousand at once would be late by what it takes to arm them. */
const ARMED_PER_STEP = 20

function delayed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Sleeps of `ms`, one after the other; how late each was. */
function idle(ms: number, count: number): OperationCase {
  return {
    kind: 'operation',
    name: `idle, ${ms} ms`,
    figure: 'p50Us',
    count,
    arms: [
      {
        name: 'setTimeout',
        backend: null,
        async round(count) {
          const lateUs: number[] = []
          for (let i = 0; i < count; i++) {
            const startedAtMs = performance.now()
            await delayed(ms)
            lateUs.push((performance.now() - startedAtMs - ms) * 1e3)
          }
          return latenessOf(lateUs)
        },
      },
      ...onBothBackends('sleep', {
        *steps(count: number): Coroutine<Own> {
          const lateUs: number[] = []
          for (let i = 0; i < count; i++) {
            const startedAtMs = performance.now()
            yield* sleep(ms)
            lateUs.push((performance.now() - startedAtMs - ms) * 1e3)
          }
          return latenessOf(lateUs)
        },
      }),
    ],
  }
}

/** Delays from 1 to 20 ms, the same for all arms; whole ones, as setTimeout drops fractions. */
function delayAt(index: number): number {
  return 1 + ((index * 7919) % 20)
}

/** How many are armed after a step, of `count` in all, where `index` were before. */
function armedBy(index: number, count: number): number {
  return Math.min(index + ARMED_PER_STEP, count)
}

function workFor(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** Timers among steps of a fifth of a millisecond, one behind the other, each of which arms some. */
const busy: OperationCase = {
  kind: 'operation',
  name: `among steps of ${STEP_MS} ms`,
  figure: 'p99Us',
  count: 2000,
  arms: [
    {
      name: 'setTimeout, setImmediate',
      backend: null,
      async round(count) {
        const lateUs: number[] = []
        const wait = async (index: number) => {
          const dueAtMs = performance.now() + delayAt(index)
          await delayed(delayAt(index))
          lateUs.push((performance.now() - dueAtMs) * 1e3)
        }
        for (let index = 0; lateUs.length < count; ) {
          for (const end = armedBy(index, count); index < end; index++) void wait(index)
          workFor(STEP_MS)
          await new Promise((resolve) => setImmediate(resolve))
        }
        return latenessOf(lateUs)
      },
    },
    ...onBothBackends('sleep', {
      *steps(count: number): Coroutine<Own> {
        const lateUs: number[] = []
        function* wait(index: number): Coroutine<void> {
          const dueAtMs = performance.now() + delayAt(index)
          yield* sleep(delayAt(index))
          lateUs.push((performance.now() - dueAtMs) * 1e3)
        }
        for (let index = 0; lateUs.length < count; ) {
          for (const end = armedBy(index, count); index < end; index++) createTask(wait(index))
          workFor(STEP_MS)
          yield* sleep(0)
        }
        return latenessOf(lateUs)
      },
    }),
  ],
}

export const lateness: Scenario = {
  name: 'lateness',
  title: 'How late timers fire',
  cases: [idle(0.25, 200), idle(1, 200), idle(5, 100), busy],
}
