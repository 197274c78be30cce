// shield: keeps a cancellation of the one who waits from what is waited for.

import { Future } from '../future/future'
import { FutureState } from '../future/waiter'
import type { Coro, ResultOf } from '../task/coroutine'
import { ensureFuture } from '../task/create'

/**
 * A future that follows `coro` but can be cancelled alone: then `coro` runs on, and an error it has
 * later is reported. The end of `run` cancels it all the same.
 */
export function shield<T>(coro: Coro<T>): Future<T>
export function shield<C extends Coro<unknown>>(coro: C): Future<ResultOf<C>>
export function shield<T>(coro: Coro<T>): Future<T> {
  const inner = ensureFuture(coro)
  if (inner.done()) return inner
  const outer = new Future<T>(inner._loop)
  const innerDone = () => {
    if (outer.cancelled()) {
      inner._markRetrieved()
      return
    }
    if (inner.cancelled()) outer.cancel()
    else if (inner._state === FutureState.RESULT) outer.setResult(inner.result())
    else outer.setException(inner.exception())
  }
  inner._onDone(innerDone)
  outer._onDone(() => {
    if (!inner.done()) inner.removeDoneCallback(innerDone)
  })
  return outer
}
