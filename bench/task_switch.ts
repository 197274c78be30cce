// Giving way: what it costs a coroutine to let everything else run once. Plain Node's way to do
// that is to await a setImmediate promise.

import { type Coroutine, sleep } from 'gyre'
import { onBothBackends, type Scenario } from './scenario.js'

export const taskSwitch: Scenario = {
  name: 'switch',
  title: 'Task switch, CPU time for each',
  cases: [
    {
      kind: 'operation',
      name: 'give way',
      count: 200_000,
      arms: [
        {
          name: 'await setImmediate promise',
          backend: null,
          async round(count) {
            for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
          },
        },
        ...onBothBackends('yield* sleep(0)', {
          *steps(count: number): Coroutine<void> {
            for (let i = 0; i < count; i++) yield* sleep(0)
          },
        }),
        ...onBothBackends('await sleep(0)', {
          async round(count: number): Promise<void> {
            for (let i = 0; i < count; i++) await sleep(0)
          },
        }),
      ],
    },
  ],
}
