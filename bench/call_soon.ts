// callSoon against setImmediate: many at once, and one after the other.

import { type Coroutine, getRunningLoop } from 'gyre'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

const atOnce: OperationCase = {
  kind: 'operation',
  name: 'many at once',
  count: 100_000,
  arms: [
    {
      name: 'setImmediate',
      backend: null,
      round: (count) => new Promise((resolve) => scheduleAll(setImmediate, count, resolve)),
    },
    ...onBothBackends('callSoon', {
      *steps(count: number): Coroutine<void> {
        const loop = getRunningLoop()
        const done = loop.createFuture<void>()
        scheduleAll(
          (callback) => loop.callSoon(callback),
          count,
          () => done.setResult(),
        )
        yield* done
      },
    }),
  ],
}

const chained: OperationCase = {
  kind: 'operation',
  name: 'one after the other',
  count: 50_000,
  arms: [
    {
      name: 'setImmediate',
      backend: null,
      round: (count) => new Promise((resolve) => scheduleInTurn(setImmediate, count, resolve)),
    },
    ...onBothBackends('callSoon', {
      *steps(count: number): Coroutine<void> {
        const loop = getRunningLoop()
        const done = loop.createFuture<void>()
        scheduleInTurn(
          (callback) => loop.callSoon(callback),
          count,
          () => done.setResult(),
        )
        yield* done
      },
    }),
  ],
}

type Schedule = (callback: () => void) => unknown

function scheduleAll(schedule: Schedule, count: number, done: () => void): void {
  let left = count
  const callback = () => {
    if (--left === 0) done()
  }
  for (let i = 0; i < count; i++) schedule(callback)
}

function scheduleInTurn(schedule: Schedule, count: number, done: () => void): void {
  let left = count
  const callback = () => {
    if (--left === 0) done()
    else schedule(callback)
  }
  schedule(callback)
}

export const callSoon: Scenario = {
  name: 'callSoon',
  title: 'Callbacks of the next turn, CPU time for each',
  cases: [atOnce, chained],
}
