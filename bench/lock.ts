// A lock that is free, taken and released; and one that two tasks hand to each other.

import { type Coroutine, gather, Lock, sleep } from 'gyre'
import { onPythonLoops } from './python_arms.js'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

const free: OperationCase = {
  kind: 'operation',
  name: 'acquire, release',
  count: 1_000_000,
  arms: [
    ...onPythonLoops('acquire, release', 'lock'),
    ...onBothBackends('yield*, release', {
      *steps(count: number): Coroutine<void> {
        const lock = new Lock()
        for (let i = 0; i < count; i++) {
          yield* lock.acquire()
          lock.release()
        }
      },
    }),
    ...onBothBackends('await, release', {
      async round(count: number): Promise<void> {
        const lock = new Lock()
        for (let i = 0; i < count; i++) {
          await lock.acquire()
          lock.release()
        }
      },
    }),
  ],
}

const scoped: OperationCase = {
  kind: 'operation',
  name: 'for a scope',
  count: 1_000_000,
  arms: [
    ...onPythonLoops('async with', 'lock-with'),
    ...onBothBackends('guard', {
      *steps(count: number): Coroutine<void> {
        const lock = new Lock()
        for (let i = 0; i < count; i++) {
          const guard = yield* lock.acquire()
          guard.release()
        }
      },
    }),
  ],
}

const passed: OperationCase = {
  kind: 'operation',
  name: 'two tasks in turn',
  count: 100_000,
  arms: [
    ...onPythonLoops('', 'lock-pass'),
    ...onBothBackends('generators', {
      *steps(count: number): Coroutine<void> {
        const lock = new Lock()
        function* use(): Coroutine<void> {
          for (let i = 0; i < count / 2; i++) {
            yield* lock.acquire()
            yield* sleep(0)
            lock.release()
          }
        }
        yield* gather(use(), use())
      },
    }),
  ],
}

export const locks: Scenario = {
  name: 'lock',
  title: 'Lock, CPU time for acquiring and releasing',
  cases: [free, scoped, passed],
}
