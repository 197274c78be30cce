// A queue between two tasks: one puts, the other gets.

import { type Coroutine, gather, Queue } from 'gyre'
import { onPythonLoops } from './python_arms.js'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

function expectItem(item: number, index: number): void {
  if (item !== index) throw new Error('an item is wrong')
}

function* passByGenerators(size: number, count: number): Coroutine<void> {
  const queue = new Queue<number>(size)
  function* produce(): Coroutine<void> {
    for (let i = 0; i < count; i++) yield* queue.put(i)
  }
  function* consume(): Coroutine<void> {
    for (let i = 0; i < count; i++) expectItem(yield* queue.get(), i)
  }
  yield* gather(produce(), consume())
}

async function passByAsyncFunctions(size: number, count: number): Promise<void> {
  const queue = new Queue<number>(size)
  async function produce(): Promise<void> {
    for (let i = 0; i < count; i++) await queue.put(i)
  }
  async function consume(): Promise<void> {
    for (let i = 0; i < count; i++) expectItem(await queue.get(), i)
  }
  await gather(produce, consume)
}

function ofSize(name: string, size: number, count: number): OperationCase {
  return {
    kind: 'operation',
    name,
    count,
    arms: [
      ...onPythonLoops('put, get', 'queue', String(size)),
      ...onBothBackends('generators', {
        steps: (count: number) => passByGenerators(size, count),
      }),
      ...onBothBackends('async functions', {
        round: (count: number) => passByAsyncFunctions(size, count),
      }),
    ],
  }
}

export const queues: Scenario = {
  name: 'queue',
  title: 'Queue between two tasks, CPU time for a put and a get',
  cases: [
    ofSize('1 place', 1, 50_000),
    ofSize('100 places', 100, 200_000),
    ofSize('any number of places', 0, 200_000),
  ],
}
