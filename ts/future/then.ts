// `await future` in async functions: Future.then, catch and finally.
//
// A continuation is the waiter that resolves the awaiting promise. It also is what `then` returns: see
// late_promise.ts.
//
// In an async-function task, a continuation belongs to the task's awaits, so that cancelling the
// task reaches what it waits for.

import { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import { CancelledError, EventLoopClosedError, isCancelled, RuntimeError } from '../errors/errors'
import { functionName, printed } from '../errors/printing'
import { taskStore } from '../loop/context'
import { type EventLoop, Kind } from '../loop/loop'
import { rejectAwaiting } from './awaiting_frames'
import type { Await, AwaitedFuture, Awaits } from './awaits'
import type { Branch } from './branch'
import type { Cancellation } from './cancellation'
import { LatePromise } from './late_promise'
import { FutureState } from './waiter'

/** A task, or the body of an operation in it, as far as awaiting concerns it. */
export interface AwaitOwner extends Awaits {
  /** @internal */
  readonly _loop: EventLoop
  /** @internal The task itself. */
  readonly _task: AwaitedFuture
  /** @internal The innermost branch of the task that it is in; null on the main line. */
  readonly _branch: Branch | null
  /** @internal It, or what is around it, if it is over; null if nothing is left. */
  _live(): AwaitOwner | null
  /**
   * @internal An await in it begins; a cancellation that waits to be delivered goes into it.
   */
  _beginAwait(entry: Await): void
  /** @internal */
  _endAwait(entry: Await): void
  /** @internal A cancellation that was asked for and not delivered; null if there is none. */
  _undelivered(): Cancellation | null
  /** @internal It is delivered. */
  _delivered(): void
  /** @internal Whether `entry` is all that the task waits for. */
  _waitsOnlyFor(entry: Await): boolean
}

/** What the running code of an async function belongs to. */
export function awaitOwner(): AwaitOwner | null {
  const owner = taskStore.getStore() as AwaitOwner | undefined
  return owner === undefined ? null : owner._live()
}

/** Takes a cancellation that was asked for and not delivered; null if there is none. */
export function takeCancellation(owner: AwaitOwner): Error | null {
  const cancellation = owner._undelivered()
  if (cancellation === null) return null
  owner._delivered()
  return cancellation.makeError(owner._task)
}

/** A cancellation that was asked for goes into `future`, for which `owner` begins to wait. */
export function deliverInto(owner: AwaitOwner, future: AwaitedFuture): void {
  const cancellation = owner._undelivered()
  if (cancellation !== null && future._cancelWith(cancellation)) owner._delivered()
}

/** Why `owner` must not wait for `future`; null if it may. */
export function refuseAwait(owner: AwaitOwner, future: AwaitedFuture): Error | null {
  const task = owner._task
  // One that is done may have left functions behind, which have it to wait for as others have.
  if (future === task && task._state === FutureState.PENDING) {
    return new RuntimeError('Task cannot await on itself', 'ERR_AWAIT_SELF')
  }
  if (owner._loop !== future._loop) {
    return new RuntimeError(
      'Task got a future that is attached to a different loop',
      'ERR_WRONG_LOOP',
    )
  }
  return null
}

/**
 * The CancelledError with which `future` ended, for one who was cancelled meanwhile and gets only
 * one of the two. An AbortError, which says the same, need not be reported either; a result is lost.
 */
export function cancellationIn(future: AwaitedFuture): CancelledError | null {
  if (future._state === FutureState.RESULT) future._unwanted()
  if (future._state === FutureState.CANCELLED) return future._makeCancelledError()
  if (future._state !== FutureState.EXCEPTION || !isCancelled(future._value)) return null
  future._markRetrieved()
  return future._value instanceof CancelledError ? future._value : null
}

export type OnFulfilled<T, A> = ((value: T) => A | PromiseLike<A>) | null | undefined
// biome-ignore lint/suspicious/noExplicitAny: as Promise types it, so that handlers may name a class
export type OnRejected<B> = ((error: any) => B | PromiseLike<B>) | null | undefined

class Continuation<T, A, B> extends LatePromise<A | B> implements Await {
  private overtaking: Cancellation | null = null

  constructor(
    readonly _future: AwaitedFuture,
    private readonly onFulfilled: OnFulfilled<T, A>,
    private readonly onRejected: OnRejected<B>,
    private readonly owner: AwaitOwner | null,
    private readonly resource: AsyncResource,
  ) {
    super()
  }

  _wake(): void {
    this._future._loop.ring.push(Kind.CONTINUATION, this)
  }

  _overtake(cancellation: Cancellation): void {
    this.overtaking = cancellation
  }

  _describeWaiter(): string {
    return '<await>'
  }

  [inspect.custom](): string {
    const { onFulfilled } = this
    const handler = typeof onFulfilled === 'function' ? functionName(onFulfilled, '') : ''
    const name = handler === '' ? '' : ` ${handler}()`
    return `<Continuation${name} of ${printed(this._future)}>`
  }

  run(): void {
    const { owner, _future: future } = this
    let cancellation: Error | null = null
    if (owner !== null) {
      owner._endAwait(this)
      cancellation = takeCancellation(owner) ?? this.overtaking?.makeError(owner._task) ?? null
      if (cancellation !== null) cancellation = cancellationIn(future) ?? cancellation
      if (cancellation === null && future._state === FutureState.PENDING) {
        // Woken to leave a circle, but another await of the task has left it: this one waits on.
        future._addWaiter(this)
        owner._beginAwait(this)
        return
      }
    }
    future._loop._promisesDue = true
    if (future._loop._debug) future._loop._promiseSteps.resume(owner)
    try {
      this.resource.runInAsyncScope(this.settleWith, this, future, cancellation)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Runs the handler that fits, in the context of the `then`. */
  settleWith(future: AwaitedFuture, cancellation: Error | null): void {
    let outcome: unknown
    if (cancellation === null && future._state === FutureState.RESULT) {
      const { onFulfilled } = this
      outcome = typeof onFulfilled === 'function' ? onFulfilled(future._value as T) : future._value
    } else {
      const { onFulfilled, onRejected } = this
      if (cancellation === null && future._state === FutureState.EXCEPTION) {
        outcome = rejectAwaiting(errorOf(future)).then(onFulfilled, onRejected)
      } else {
        const error = cancellation ?? errorOf(future)
        if (typeof onRejected !== 'function') throw error
        outcome = onRejected(error)
      }
    }
    this.settle(outcome as A | B)
  }
}

function errorOf(future: AwaitedFuture): unknown {
  if (future._state === FutureState.CANCELLED) return future._makeCancelledError()
  future._markRetrieved()
  return future._value
}

const NOTHING: Promise<unknown> = Promise.resolve(undefined)

/** `then` where the result is there: most often it is undefined, for which one promise serves all. */
export function thenGiven<T, A, B>(
  value: T,
  onFulfilled: OnFulfilled<T, A>,
  onRejected: OnRejected<B>,
): Promise<A | B> {
  const promise = value === undefined ? (NOTHING as Promise<T>) : Promise.resolve(value)
  return promise.then(onFulfilled, onRejected)
}

/** Future.prototype.then. */
export function startThen<T, A, B>(
  future: AwaitedFuture,
  onFulfilled: OnFulfilled<T, A>,
  onRejected: OnRejected<B>,
): Promise<A | B> {
  const owner = awaitOwner()
  const refusal = owner === null ? null : refuseAwait(owner, future)
  if (refusal !== null) {
    // A cancellation that was asked for before comes first, as in asyncio.
    const error = (owner && takeCancellation(owner)) ?? refusal
    return Promise.reject(error).then(undefined, onRejected)
  }
  if (future._state !== FutureState.PENDING) {
    // A done future does not go through the ring: its loop may be closed by now.
    future._markRetrieved()
    return future._state === FutureState.RESULT
      ? thenGiven(future._value as T, onFulfilled, onRejected)
      : rejectAwaiting(errorOf(future)).then(onFulfilled, onRejected)
  }
  if (future._loop.isClosed()) {
    return Promise.reject(new EventLoopClosedError()).then(undefined, onRejected)
  }
  // This context, unlike a callback's, keeps the task: what runs next is still part of it.
  const resource = new AsyncResource('GyreThen')
  const continuation = new Continuation(future, onFulfilled, onRejected, owner, resource)
  if (!future._adopt(continuation)) {
    future._addWaiter(continuation)
    if (owner !== null) owner._beginAwait(continuation)
  }
  return continuation
}
