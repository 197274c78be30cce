// gather of many tasks against Promise.all of as many async functions, where each gives way once,
// as a function that is worth running as a task does, and where each returns at once.

import { type Coroutine, gather, sleep } from 'gyre'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

const COUNT = 100_000

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

function expectSum(results: readonly number[]): void {
  const sum = results.reduce((total, result) => total + result, 0)
  if (sum !== (results.length * (results.length - 1)) / 2) throw new Error('a result is wrong')
}

function* stepOnce(index: number): Coroutine<number> {
  yield* sleep(0)
  return index
}

function* returnNow(index: number): Coroutine<number> {
  return index
}

async function awaitImmediate(index: number): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve))
  return index
}

async function awaitNull(index: number): Promise<number> {
  await null
  return index
}

async function awaitSleep(index: number): Promise<number> {
  await sleep(0)
  return index
}

async function returnNowAsync(index: number): Promise<number> {
  return index
}

/** Promise.all over `start`, as an arm. */
function promiseAll(name: string, start: (index: number) => Promise<number>) {
  return {
    name: `Promise.all, ${name}`,
    backend: null,
    async round(count: number): Promise<void> {
      expectSum(await Promise.all(indices(count).map(start)))
    },
  }
}

function gatherGenerators(start: (index: number) => Coroutine<number>) {
  return {
    *steps(count: number): Coroutine<void> {
      expectSum(yield* gather(indices(count).map(start)))
    },
  }
}

const givingWay: OperationCase = {
  kind: 'operation',
  name: 'each gives way once',
  count: COUNT,
  arms: [
    promiseAll('await setImmediate promise', awaitImmediate),
    promiseAll('await null', awaitNull),
    ...onBothBackends('gather, generators', gatherGenerators(stepOnce)),
    ...onBothBackends('gather, async', {
      async round(count: number): Promise<void> {
        expectSum(await gather(indices(count).map((index) => () => awaitSleep(index))))
      },
    }),
  ],
}

const returning: OperationCase = {
  kind: 'operation',
  name: 'each returns at once',
  count: COUNT,
  arms: [
    promiseAll('async functions', returnNowAsync),
    ...onBothBackends('gather, generators', gatherGenerators(returnNow)),
  ],
}

export const gathering: Scenario = {
  name: 'gather',
  title: 'gather of 100,000 tasks, CPU time for each',
  cases: [givingWay, returning],
}
