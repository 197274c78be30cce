// The future of a promise that is not of the loop.

import type { EventLoop } from '../loop/loop'
import { Future } from './future'
import { FutureState } from './waiter'

/** What completes it comes from outside the loop; cancelling it abandons the promise. */
export class ForeignFuture<T> extends Future<T> {
  static override readonly _isInner = true

  constructor(loop: EventLoop, promise: PromiseLike<T>) {
    super(loop)
    promise.then(
      (value) => {
        if (this.isAwaited()) this.setResult(value)
      },
      (error) => {
        if (this.isAwaited()) this.setException(error)
      },
    )
  }

  /** What an abandoned promise brings is dropped, and so is what comes when the loop is closed. */
  private isAwaited(): boolean {
    return this._state === FutureState.PENDING && !this._loop.isClosed()
  }
}
