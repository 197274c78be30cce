// Opening: the task of a call that opens something, such as a connection or a child process.
//
// asyncio opens in the task of the caller, so what is open is either the caller's or, when the caller
// is cancelled, closed. Here the opening is a task, and its result reaches the caller a turn later: a
// cancellation that comes in between wins, and nobody would have what was opened. It is closed then,
// as it would have been a turn before, when the same cancellation still went into the opening.
//
// Invariant: `takers` is how many waited for the result or looked at it, less those who were cancelled
//            before they got it. What was opened is closed only when that falls to 0.

import type { Future } from '../future/future'
import type { OnFulfilled, OnRejected } from '../future/then'
import { FutureState, type Waiter } from '../future/waiter'
import type { EventLoop } from '../loop/loop'
import { isFamilyHere, makeAdmitted } from './admit'
import type { Coroutine } from './coroutine'
import { Task } from './task'

class Opening<T> extends Task<T> {
  static override readonly _isInner = true
  private takers = 0

  constructor(
    loop: EventLoop,
    steps: Coroutine<T>,
    name: string,
    private readonly discard: (opened: T) => void,
  ) {
    super(steps, { name }, loop)
  }

  override result(): T {
    if (this._state === FutureState.RESULT) this.takers++
    return super.result()
  }

  override [Symbol.iterator](): Iterator<Future<unknown>, T, unknown> {
    if (this._state === FutureState.RESULT) this.takers++
    return super[Symbol.iterator]()
  }

  // biome-ignore lint/suspicious/noThenProperty: a future is awaited
  override then<A = T, B = never>(
    onFulfilled?: OnFulfilled<T, A>,
    onRejected?: OnRejected<B>,
  ): Promise<A | B> {
    if (this._state === FutureState.RESULT) this.takers++
    return super.then(onFulfilled, onRejected)
  }

  override _addWaiter(waiter: Waiter): void {
    this.takers++
    super._addWaiter(waiter)
  }

  override _unwanted(opened: T): void {
    // Cancelled in its own last step, it has no result that anybody could get.
    if (this._state === FutureState.PENDING || --this.takers === 0) this.discard(opened)
  }
}

/**
 * Runs the steps that open something; `discard` closes it if nobody gets it. No task factory is asked:
 * in asyncio these steps are no task.
 */
export function createOpening<T>(
  loop: EventLoop,
  steps: Coroutine<T>,
  name: string,
  discard: (opened: T) => void,
): Task<T> {
  return new Opening(loop, steps, name, discard)
}

/** The same, for what is opened in the course of work that was admitted: see createOwnTask. */
export function createOwnOpening<T>(
  loop: EventLoop,
  steps: Coroutine<T>,
  name: string,
  discard: (opened: T) => void,
): Task<T> {
  if (loop._admission === null) return createOpening(loop, steps, name, discard)
  const make = () => createOpening(loop, steps, name, discard)
  return makeAdmitted(loop, isFamilyHere(loop), make)
}
