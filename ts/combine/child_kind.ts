// What the arguments of a gather are, looked at once: a large gather asks several times, and finding
// out means walking the prototypes of each argument.

import { Future } from '../future/future'
import { isGenerator } from '../future/yielded'
import { checkCoro } from '../task/coroutine'

export const ChildKind = {
  /** A generator object: its steps can be taken before there is a task. */
  GENERATOR: 0,
  /** Called in its task, each time it is given. */
  FUNCTION: 1,
  /** An operation, or a thenable that is no promise: started by its task. */
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

/** The kinds of `coros`. Throws TypeError for the first that is no coroutine. */
export function kindsOf(coros: readonly unknown[]): Uint8Array {
  const kinds = new Uint8Array(coros.length)
  for (let index = 0; index < coros.length; index++) kinds[index] = kindOf(coros[index], index)
  return kinds
}

function kindOf(coro: unknown, index: number): ChildKind {
  if (typeof coro === 'function') return ChildKind.FUNCTION
  // A future first: some serve as their own iterators.
  if (coro instanceof Future) return ChildKind.FUTURE
  if (isGenerator(coro)) return ChildKind.GENERATOR
  if (coro instanceof Promise) return ChildKind.PROMISE
  checkCoro(`coros[${index}]`, coro)
  return ChildKind.OTHER
}
