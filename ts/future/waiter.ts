// What waits for a future, and the states a future can be in.

import type { Runnable } from '../loop/handle'

export const FutureState = { PENDING: 0, RESULT: 1, EXCEPTION: 2, CANCELLED: 3 } as const
export type FutureState = (typeof FutureState)[keyof typeof FutureState]

/** Something that waits for a future: pushed into the ready ring when the future is done. */
export interface Waiter extends Runnable {
  /** @internal */
  readonly _ringKind: number
  /** @internal How it is printed among the callbacks of what it waits for. */
  _describeWaiter(): string
}
