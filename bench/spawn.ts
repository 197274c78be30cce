// Spawning a task and joining it: one after the other, and many at a time. The libraries of structured
// concurrency for JavaScript do the same with theirs. Each is loaded in the process of its arm only.

import { type Coroutine, createTask } from 'gyre'
import { onPythonLoops } from './python_arms.js'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

function expectResult(result: number, index: number): void {
  if (result !== index) throw new Error('a result is wrong')
}

function* give(index: number): Coroutine<number> {
  return index
}

function* effectionGive(index: number): Generator<never, number> {
  return index
}

const oneByOne: OperationCase = {
  kind: 'operation',
  name: 'one by one',
  count: 20_000,
  arms: [
    {
      name: 'Effection',
      backend: null,
      async round(count) {
        const { run, spawn } = await import('effection')
        await run(function* () {
          for (let i = 0; i < count; i++) {
            const task = yield* spawn(() => effectionGive(i))
            expectResult(yield* task, i)
          }
        })
      },
    },
    {
      name: 'Effect',
      backend: null,
      async round(count) {
        const [Effect, Fiber] = await importEffect()
        const main = Effect.gen(function* () {
          for (let i = 0; i < count; i++) {
            const fiber = yield* Effect.forkChild(Effect.sync(() => i))
            expectResult(yield* Fiber.join(fiber), i)
          }
        })
        await Effect.runPromise(main)
      },
    },
    ...onPythonLoops('', 'spawn-one'),
    ...onBothBackends('generators', {
      *steps(count: number): Coroutine<void> {
        for (let i = 0; i < count; i++) expectResult(yield* createTask(give(i)), i)
      },
    }),
    ...onBothBackends('async functions', {
      async round(count: number): Promise<void> {
        for (let i = 0; i < count; i++) expectResult(await createTask(async () => i), i)
      },
    }),
  ],
}

const many: OperationCase = {
  kind: 'operation',
  name: 'all at once',
  count: 20_000,
  arms: [
    {
      name: 'Effection',
      backend: null,
      async round(count) {
        const { run, spawn } = await import('effection')
        await run(function* () {
          const tasks = []
          for (let i = 0; i < count; i++) tasks.push(yield* spawn(() => effectionGive(i)))
          for (const [i, task] of tasks.entries()) expectResult(yield* task, i)
        })
      },
    },
    {
      name: 'Effect',
      backend: null,
      async round(count) {
        const [Effect, Fiber] = await importEffect()
        const main = Effect.gen(function* () {
          const fibers = []
          for (let i = 0; i < count; i++) fibers.push(yield* Effect.forkChild(Effect.sync(() => i)))
          for (const [i, fiber] of fibers.entries()) expectResult(yield* Fiber.join(fiber), i)
        })
        await Effect.runPromise(main)
      },
    },
    ...onPythonLoops('', 'spawn-many'),
    ...onBothBackends('generators', {
      *steps(count: number): Coroutine<void> {
        const tasks = Array.from({ length: count }, (_, index) => createTask(give(index)))
        for (const [i, task] of tasks.entries()) expectResult(yield* task, i)
      },
    }),
  ],
}

async function importEffect() {
  return Promise.all([import('effect/Effect'), import('effect/Fiber')])
}

export const spawning: Scenario = {
  name: 'spawn',
  title: 'Spawning and joining a task, CPU time for each',
  cases: [oneByOne, many],
}
