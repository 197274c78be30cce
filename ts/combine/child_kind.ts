// What the arguments of a gather are, looked at once: a large gather asks several times, and finding
// out means walking the prototypes of each argument.

import { Future } from '../future/future'
import { checkCoro } from '../task/coroutine'

export const ChildKind = {
  /** A generator that a generator function made: its steps can be taken before there is a task. */
  GENERATOR: 0,
  /** Called in its task, each time it is given. */
  FUNCTION: 1,
  /** An operation, an iterator, or a thenable that is no promise: started by its task. */
  OTHER: 2,
  /** Waited for as it is. */
  FUTURE: 3,
  /** Runs by itself: wrapped. */
  PROMISE: 4,
} as const
export type ChildKind = (typeof ChildKind)[keyof typeof ChildKind]

/** Whether an argument of this kind becomes a task. */
export function isStartable(kind: number): boolean {
  return kind <= ChildKind.OTHER
}

export interface ChildKinds {
  kinds: Uint8Array
  /** How many of them become tasks. */
  startable: number
}

/** The `next` of all generator objects that generator functions make. */
const GENERATOR_NEXT = Object.getPrototypeOf(function* () {}).prototype.next

/** The kinds of `coros`. Throws TypeError for the first that is no coroutine. */
export function kindsOf(coros: readonly unknown[]): ChildKinds {
  const kinds = new Uint8Array(coros.length)
  let startable = coros.length
  for (let index = 0; index < coros.length; index++) {
    const coro = coros[index] as { next?: unknown } | null | undefined
    if (coro?.next === GENERATOR_NEXT) continue
    const kind = kindOf(coro, index)
    kinds[index] = kind
    if (!isStartable(kind)) startable--
  }
  return { kinds, startable }
}

function kindOf(coro: unknown, index: number): ChildKind {
  if (typeof coro === 'function') return ChildKind.FUNCTION
  // A future first: some serve as their own iterators.
  if (coro instanceof Future) return ChildKind.FUTURE
  if (coro instanceof Promise) return ChildKind.PROMISE
  checkCoro(`coros[${index}]`, coro)
  return ChildKind.OTHER
}
