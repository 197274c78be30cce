// What waits for a future, and the states a future can be in.

import type { Runnable } from '../loop/handle'
import type { EventLoop } from '../loop/loop'

export const FutureState = { PENDING: 0, RESULT: 1, EXCEPTION: 2, CANCELLED: 3 } as const
export type FutureState = (typeof FutureState)[keyof typeof FutureState]

/** A future that is done, as far as a waiter needs to know it. */
export interface DoneFuture {
  readonly _loop: EventLoop
  readonly _state: FutureState
}

/** Something that waits for a future. */
export interface Waiter {
  /** @internal The future is done: have what is to be done run in a later turn, by the ready ring. */
  _wake(future: DoneFuture): void
  /** @internal How it is printed among the callbacks of what it waits for. */
  _describeWaiter(): string
}

/** One that stands in the ready ring itself when it is woken. */
export interface RunnableWaiter extends Waiter, Runnable {}
