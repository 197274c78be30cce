// Cancelling a hundred thousand tasks that sleep, and collecting them; with and without making them.

import { CancelledError, type Coroutine, createTask, gather, sleep, type Task } from 'gyre'
import { onPythonLoops } from './python_arms.js'
import { onBothBackends, type Scenario } from './scenario.js'

const COUNT = 100_000
const FOREVER_MS = 3_600_000

function* sleeper(): Coroutine<void> {
  yield* sleep(FOREVER_MS)
}

let tasks: Task<void>[] = []

function* spawn(count: number): Coroutine<void> {
  tasks = Array.from({ length: count }, () => createTask(sleeper()))
  yield* sleep(0)
}

function* cancelAndCollect(count: number): Coroutine<void> {
  for (const task of tasks) task.cancel()
  const outcomes = yield* gather(tasks, { returnExceptions: true })
  tasks = []
  const isRight = outcomes.length === count && outcomes.at(-1) instanceof CancelledError
  if (!isRight) throw new Error('a task was not cancelled')
}

function* spawnCancelAndCollect(count: number): Coroutine<void> {
  yield* spawn(count)
  yield* cancelAndCollect(count)
}

export const cancelling: Scenario = {
  name: 'cancel',
  title: 'Cancelling 100,000 sleeping tasks, CPU time for each',
  cases: [
    {
      kind: 'operation',
      name: 'cancel, collect',
      count: COUNT,
      arms: [
        ...onPythonLoops('cancel, gather', 'cancel'),
        ...onBothBackends('cancel, gather', { prepare: spawn, steps: cancelAndCollect }),
      ],
    },
    {
      kind: 'operation',
      name: 'spawn, cancel, collect',
      count: COUNT,
      arms: [
        ...onPythonLoops('cancel, gather', 'spawn-cancel'),
        ...onBothBackends('cancel, gather', { steps: spawnCancelAndCollect }),
      ],
    },
  ],
}
