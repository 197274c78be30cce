// Future: a result that will be there later. One class serves generator coroutines (`yield*
// future`), async functions (`await future`) and callbacks.
//
// Invariants: 1. A future leaves PENDING once, and never returns.
//             2. Whoever waits is told through the ready ring, one entry each, in the order in
//                which
//                they came; never inside the call that completes the future.
//             3. No native promise is made before somebody asks for one.
// Knows nothing of tasks: what waits is a Waiter, which says with which kind it enters the ring.

import type { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import { checkFunction } from '../errors/arguments'
import { type CancelledError, InvalidStateError } from '../errors/errors'
import { printed } from '../errors/printing'
import { captureContext } from '../loop/context'
import { debugging } from '../loop/debugging'
import { callbackName } from '../loop/handle'
import { EventLoop, Kind } from '../loop/loop'
import { noteOrigin, sourceOf } from '../loop/origins'
import { checkEventLoop, schedulingLoop } from '../loop/running'
import { addAwaitingFrames } from './awaiting_frames'
import type { Awaits } from './awaits'
import { afterTaking, Cancellation, type Cancelled, makeCancelledError } from './cancellation'
import { Claim } from './claim'
import { answerInUse, FIRST_STEP } from './coroutine_in_use'
import { checkLoop } from './foreign_use'
import { type OnFulfilled, type OnRejected, startThen } from './then'
import { forgetUnretrieved, noteUnretrieved, type Unretrieved } from './unretrieved'
import { FutureState, type RunnableWaiter, type Waiter } from './waiter'

/** A callback given to addDoneCallback; runs in the AsyncLocalStorage context of that call. */
class DoneCallback<T> implements RunnableWaiter {
  constructor(
    readonly future: Future<T>,
    readonly callback: (future: Future<T>) => void,
    readonly resource: AsyncResource | null,
  ) {}

  _wake(): void {
    this.future._loop.ring.push(Kind.DONE_CALLBACK, this)
  }

  _describeWaiter(): string {
    return callbackName(this.callback)
  }

  [inspect.custom](): string {
    return `<DoneCallback ${callbackName(this.callback)} of ${printed(this.future)}>`
  }

  run(): void {
    const { future, callback, resource } = this
    try {
      if (resource === null) callback(future)
      else resource.runInAsyncScope(callback, undefined, future)
    } catch (error) {
      const message = `Exception in callback ${callbackName(callback)}`
      future._loop._callbackFailed(error, message, { future, ...sourceOf(future) })
    }
  }
}

export class Future<T = unknown> implements PromiseLike<T> {
  /**
   * @internal Set in the library's own kinds: to users they are futures, and they print as such.
   */
  static readonly _isInner: boolean = false
  /** @internal */ readonly _loop: EventLoop
  /** @internal */ _state: FutureState = FutureState.PENDING
  /** @internal The result, the exception, or what is Cancelled, by the state. */
  _value: unknown = undefined
  /** @internal One waiter stands for itself: most futures have just one. */
  _waiters: Waiter | Waiter[] | null = null
  /** @internal Set while there is an exception, or what was opened, that nobody has looked at. */
  _unretrieved: Unretrieved | Claim | null = null

  /** @param loop the loop it belongs to; by default the running one, or the thread's own */
  constructor(loop: EventLoop = schedulingLoop()) {
    checkEventLoop('loop', loop)
    loop._checkOpen()
    this._loop = loop
    if (loop._debug) noteOrigin(this)
  }

  getLoop(): EventLoop {
    return this._loop
  }

  /** Whether there is a result, an exception or a cancellation. */
  done(): boolean {
    return this._state !== FutureState.PENDING
  }

  cancelled(): boolean {
    return this._state === FutureState.CANCELLED
  }

  /**
   * The result. Throws the exception if there is one, CancelledError if it was cancelled, and
   * InvalidStateError while it is pending.
   */
  result(): T {
    switch (this._state) {
      case FutureState.RESULT:
        this._markRetrieved()
        return this._value as T
      case FutureState.EXCEPTION:
        this._markRetrieved()
        addAwaitingFrames(this._value)
        throw this._value
      case FutureState.CANCELLED:
        throw this._makeCancelledError()
      default:
        throw new InvalidStateError('Result is not set.')
    }
  }

  /**
   * The exception, or null if there is a result. Throws CancelledError if it was cancelled, and
   * InvalidStateError while it is pending.
   */
  exception(): unknown {
    switch (this._state) {
      case FutureState.RESULT:
        return null
      case FutureState.EXCEPTION:
        this._markRetrieved()
        return this._value
      case FutureState.CANCELLED:
        throw this._makeCancelledError()
      default:
        throw new InvalidStateError('Exception is not set.')
    }
  }

  /** Completes the future with a result. Throws InvalidStateError if it is done already. */
  setResult(value: T): void {
    if (debugging.isOn) checkLoop(this, 'setResult')
    if (this._state !== FutureState.PENDING) this._alreadyDone()
    this._value = value
    this._state = FutureState.RESULT
    this._wakeWaiters()
  }

  /** Completes the future with an error. Throws InvalidStateError if it is done already. */
  setException(error: unknown): void {
    if (debugging.isOn) checkLoop(this, 'setException')
    if (this._state !== FutureState.PENDING) this._alreadyDone()
    this._value = error
    this._state = FutureState.EXCEPTION
    this._unretrieved = noteUnretrieved(this, error)
    this._wakeWaiters()
  }

  /**
   * Cancels the future: who waits gets a CancelledError with `reason`. Returns false, and does
   * nothing, if it is done already.
   */
  cancel(reason?: unknown): boolean {
    if (debugging.isOn) checkLoop(this, 'cancel')
    return this._cancelWith(new Cancellation(reason, this))
  }

  /** @internal cancel(), for a cancellation that may have begun at another future or task. */
  _cancelWith(cancellation: Cancellation): boolean {
    if (this._state !== FutureState.PENDING) return false
    this._endCancelled(cancellation)
    return true
  }

  /**
   * Calls `callback(future)` in a later turn once the future is done, also if it is done already.
   */
  addDoneCallback(callback: (future: Future<T>) => void): void {
    checkFunction('callback', callback)
    if (debugging.isOn) checkLoop(this, 'addDoneCallback')
    this._addWaiter(new DoneCallback(this, callback, captureContext('GyreDoneCallback')))
  }

  /** Takes a callback back, every time it was added. Returns how many times that was. */
  removeDoneCallback(callback: (future: Future<T>) => void): number {
    const waiters = this._waiters
    const isIt = (waiter: Waiter) => waiter instanceof DoneCallback && waiter.callback === callback
    if (waiters === null) return 0
    if (!Array.isArray(waiters)) {
      if (!isIt(waiters)) return 0
      this._waiters = null
      return 1
    }
    const kept = waiters.filter((waiter) => !isIt(waiter))
    this._waiters = kept.length === 0 ? null : kept
    return waiters.length - kept.length
  }

  /**
   * `yield* future` in a generator coroutine: waits for it, gives its result or throws its error.
   */
  [Symbol.iterator](): Iterator<Future<unknown>, T, unknown> {
    return new FutureIterator<T>(this)
  }

  /**
   * `await future` in an async function. In the async function of a task, cancelling the task
   * cancels this future and rejects the `await` with CancelledError.
   */
  // biome-ignore lint/suspicious/noThenProperty: a future is awaited
  then<A = T, B = never>(
    onFulfilled?: OnFulfilled<T, A>,
    onRejected?: OnRejected<B>,
  ): Promise<A | B> {
    return startThen<T, A, B>(this, onFulfilled, onRejected)
  }

  /** As Promise.prototype.catch. */
  catch<B = never>(onRejected?: OnRejected<B>): Promise<T | B> {
    return this.then(undefined, onRejected)
  }

  /** As Promise.prototype.finally. */
  finally(onFinally?: (() => void) | null): Promise<T> {
    return this.then<T, never>().finally(onFinally)
  }

  /** So that a future can be given where TypeScript wants a Promise. */
  get [Symbol.toStringTag](): string {
    return 'Future'
  }

  /** @internal A done callback of the library's own, without a context to keep. */
  _onDone(callback: (future: Future<T>) => void): void {
    this._addWaiter(new DoneCallback(this, callback, null))
  }

  /** @internal */
  _addWaiter(waiter: Waiter): void {
    if (this._state !== FutureState.PENDING) {
      this._loop._checkOpen()
      if (this._state === FutureState.RESULT) this._markRetrieved()
      waiter._wake(this)
      return
    }
    const waiters = this._waiters
    if (waiters === null) this._waiters = waiter
    else if (Array.isArray(waiters)) waiters.push(waiter)
    else this._waiters = [waiters, waiter]
  }

  /** @internal */
  _removeWaiter(waiter: Waiter): void {
    const waiters = this._waiters
    if (waiters === waiter) this._waiters = null
    else if (Array.isArray(waiters)) {
      const index = waiters.indexOf(waiter)
      if (index >= 0) waiters.splice(index, 1)
    }
  }

  /**
   * @internal True: the future stands in the ready ring itself, and will run the waiter from there.
   */
  _adopt(_waiter: RunnableWaiter): boolean {
    return false
  }

  /** @internal REQUIRES: the future is pending. */
  _endCancelled(cancelled: Cancelled): void {
    this._value = cancelled
    this._state = FutureState.CANCELLED
    this._wakeWaiters()
  }

  /**
   * @internal The error for one who waits. As in asyncio, the error that a task ended with goes to the
   * first who asks; later ones get one of their own. REQUIRES: the future is cancelled.
   */
  _makeCancelledError(): CancelledError {
    const cancelled = this._value as Cancelled
    if (cancelled instanceof Cancellation) return cancelled.makeError(this)
    this._value = afterTaking(cancelled, this)
    return cancelled
  }

  /**
   * @internal The error for who collects outcomes. asyncio's gather makes one with the future's own
   * reason, and a task that ended with an error has none; where the error has none either, it serves.
   * REQUIRES: the future is cancelled.
   */
  _cancelledOutcome(): CancelledError {
    const cancelled = this._value as Cancelled
    if (cancelled instanceof Cancellation || cancelled.reason === undefined) {
      return this._makeCancelledError()
    }
    return makeCancelledError(undefined, cancelled.origin ?? this)
  }

  /**
   * @internal Who waited was cancelled and will not get this result; while the future is pending:
   * nobody will, as its own cancellation came first. For what has to be closed then.
   */
  _unwanted(): void {
    const claim = this._unretrieved
    if (!(claim instanceof Claim)) return
    if (this._state === FutureState.PENDING) claim.dropAll()
    else claim.drop()
  }

  /**
   * @internal Whether its outcome goes to who waits although that one was cancelled meanwhile: the
   * cancellation then comes at the next wait.
   */
  _keepsOutcome(): boolean {
    return false
  }

  /** @internal What an async body awaits whose end this is. */
  get _bodyAwaits(): Awaits | null {
    return null
  }

  /** @internal Somebody has seen the outcome: an exception need not be reported. */
  _markRetrieved(): void {
    if (this._unretrieved !== null) {
      if (!(this._unretrieved instanceof Claim)) forgetUnretrieved(this._unretrieved)
      this._unretrieved = null
    }
  }

  /** @internal */
  _describeUnretrieved(): { what: string; name: string } {
    return { what: 'Future', name: 'Future' }
  }

  private _wakeWaiters(): void {
    const waiters = this._waiters
    if (waiters === null) return
    this._waiters = null
    this._loop._checkOpen()
    if (!Array.isArray(waiters)) waiters._wake(this)
    else for (const waiter of waiters) waiter._wake(this)
  }

  private _alreadyDone(): never {
    const how = ['pending', 'has a result', 'has an exception', 'was cancelled'][this._state]
    throw new InvalidStateError(`the future is done already: it ${how}`)
  }
}

/**
 * The future that was handed to a task by `yield*` just now. `yield future` without the star does
 * not set it, and so is found out.
 */
let delegated: Future<unknown> | null = null

/** Takes note of, and clears, which future was last yielded with the star. */
export function takeDelegated(): Future<unknown> | null {
  const future = delegated
  delegated = null
  return future
}

/** @internal A step of `yield* future`: yields the future while it is pending, then its result. */
export function stepThrough<T>(future: Future<T>): IteratorResult<Future<unknown>, T> {
  if (future._state === FutureState.RESULT) {
    if (future._unretrieved !== null) future._markRetrieved()
    return { value: future._value as T, done: true }
  }
  if (future._state !== FutureState.PENDING) return { value: future.result(), done: true }
  delegated = future as Future<unknown>
  return { value: future as Future<unknown>, done: false }
}

/** Hand-written: a generator as iterator makes `yield*` half as dear again. */
class FutureIterator<T> implements Iterator<Future<unknown>, T, unknown> {
  constructor(private readonly future: Future<T>) {}

  next(given?: unknown): IteratorResult<Future<unknown>, T> {
    return given === FIRST_STEP ? answerInUse() : stepThrough(this.future)
  }

  throw(error: unknown): never {
    throw error
  }

  return(value: T): IteratorResult<Future<unknown>, T> {
    return { value, done: true }
  }
}

/** Whether `x` is a future of this library (a Task is one). */
export function isFuture(x: unknown): x is Future<unknown> {
  return x instanceof Future
}

declare module '../loop/loop' {
  interface EventLoop {
    /** A pending future of this loop. */
    createFuture<T = unknown>(): Future<T>
  }
}

EventLoop.prototype.createFuture = function createFuture<T>(this: EventLoop): Future<T> {
  return new Future<T>(this)
}
