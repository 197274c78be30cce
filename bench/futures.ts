// Futures: from the one who completes it to the one who waits, within the loop and from outside.

import { type Coroutine, createTask, Future } from 'gyre'
import { type OperationCase, onBothBackends, type Scenario } from './scenario.js'

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function deferred(): Deferred {
  let resolve = () => {}
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil
  })
  return { promise, resolve }
}

/** Two sides wake one another in turn: an operation is one wake-up. */
const inside: OperationCase = {
  kind: 'operation',
  name: 'resolved by another task',
  count: 200_000,
  arms: [
    {
      name: 'promises',
      backend: null,
      async round(count) {
        let [mine, other] = [deferred(), deferred()]
        const partner = async () => {
          for (let i = 0; i < count; i += 2) {
            await other.promise
            other = deferred()
            mine.resolve()
          }
        }
        const done = partner()
        for (let i = 0; i < count; i += 2) {
          mine = deferred()
          other.resolve()
          await mine.promise
        }
        await done
      },
    },
    ...onBothBackends('futures, generators', {
      *steps(count: number): Coroutine<void> {
        let mine = new Future<void>()
        let other = new Future<void>()
        function* partner(): Coroutine<void> {
          for (let i = 0; i < count; i += 2) {
            yield* other
            other = new Future<void>()
            mine.setResult()
          }
        }
        const done = createTask(partner())
        for (let i = 0; i < count; i += 2) {
          mine = new Future<void>()
          other.setResult()
          yield* mine
        }
        yield* done
      },
    }),
  ],
}

/** Node calls back, as a driver does, and a coroutine goes on. */
const outside: OperationCase = {
  kind: 'operation',
  name: "resolved by a callback of Node's",
  count: 50_000,
  arms: [
    {
      name: 'await promise',
      backend: null,
      async round(count) {
        for (let i = 0; i < count; i++) {
          const { promise, resolve } = deferred()
          setImmediate(resolve)
          await promise
        }
      },
    },
    ...onBothBackends('yield* future', {
      *steps(count: number): Coroutine<void> {
        for (let i = 0; i < count; i++) {
          const future = new Future<void>()
          setImmediate(() => future.setResult())
          yield* future
        }
      },
    }),
    ...onBothBackends('await future', {
      async round(count: number): Promise<void> {
        for (let i = 0; i < count; i++) {
          const future = new Future<void>()
          setImmediate(() => future.setResult())
          await future
        }
      },
    }),
  ],
}

export const futures: Scenario = {
  name: 'futures',
  title: 'From the one who completes a future to the one who waits, CPU time for each',
  cases: [inside, outside],
}
