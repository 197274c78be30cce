// Timers: most are cancelled before they fire (timeouts), some fire. `callLater` gives a handle and
// keeps the caller's AsyncLocalStorage context, as setTimeout does; `sleep` is what coroutines wait
// with.
//
// How many are pending decides what setTimeout costs: it keeps one list for each delay, which comes
// and goes with its only timer, and reads no clock. Hence three cases of cancelling.

import { type Coroutine, type EventLoop, type Future, getRunningLoop, sleep } from 'gyre'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

const DELAY_MS = 1000
const WINDOW = 1000

/** Creates and cancels `count` timers, in some order. */
type Pattern = <T>(count: number, create: () => T, cancel: (timer: T) => void) => void

const atOnce: Pattern = (count, create, cancel) => {
  for (let i = 0; i < count; i++) cancel(create())
}

const allPending: Pattern = (count, create, cancel) => {
  const timers = Array.from({ length: count }, create)
  for (const timer of timers) cancel(timer)
}

/** As a server does that gives each request a time limit. */
const manyPending: Pattern = (count, create, cancel) => {
  const timers = Array.from({ length: WINDOW }, create)
  for (let i = WINDOW; i < count; i++) {
    cancel(timers[i % WINDOW]!)
    timers[i % WINDOW] = create()
  }
  for (const timer of timers) cancel(timer)
}

function mustNotFire(): void {
  throw new Error('a cancelled timer fired')
}

function callLater(loop: EventLoop) {
  return loop.callLater(DELAY_MS, mustNotFire)
}

function cancelling(name: string, count: number, pattern: Pattern): OperationCase {
  return {
    kind: 'operation',
    name,
    count,
    arms: [
      {
        name: 'setTimeout, clearTimeout',
        backend: null,
        round(count) {
          pattern(count, () => setTimeout(mustNotFire, DELAY_MS), clearTimeout)
        },
      },
      ...onBothBackends('callLater, cancel', {
        *steps(count: number): Coroutine<void> {
          const loop = getRunningLoop()
          pattern(
            count,
            () => callLater(loop),
            (handle) => handle.cancel(),
          )
        },
      }),
      ...onBothBackends('sleep, cancel', {
        *steps(count: number): Coroutine<void> {
          pattern(
            count,
            () => sleep(DELAY_MS),
            (future: Future<void>) => {
              future.cancel()
            },
          )
        },
      }),
    ],
  }
}

/** Calls `schedule` `count` times; `done` is called when as many callbacks have run. */
function allFire(count: number, schedule: (fire: () => void) => unknown, done: () => void): void {
  let left = count
  const countDown = () => {
    if (--left === 0) done()
  }
  for (let i = 0; i < count; i++) schedule(countDown)
}

const firing: OperationCase = {
  kind: 'operation',
  name: 'create+fire',
  count: 100_000,
  arms: [
    {
      name: 'setTimeout',
      backend: null,
      round: (count) =>
        new Promise((resolve) => allFire(count, (fire) => setTimeout(fire, 1), resolve)),
    },
    ...onBothBackends('callLater', {
      *steps(count: number): Coroutine<void> {
        const loop = getRunningLoop()
        const done = loop.createFuture<void>()
        allFire(
          count,
          (fire) => loop.callLater(1, fire),
          () => done.setResult(),
        )
        yield* done
      },
    }),
  ],
}

export const timers: Scenario = {
  name: 'timers',
  title: 'Timers, CPU time for each',
  cases: [
    cancelling('create+cancel, at once', 500_000, atOnce),
    cancelling('create+cancel, 1000 pending', 500_000, manyPending),
    cancelling('create+cancel, all pending', 200_000, allPending),
    firing,
  ],
}
