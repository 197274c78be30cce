// Operation: what a coroutine method is in asyncio. It starts when it is waited for, once, and runs
// in the task that waits: no task of its own and no extra turn, so cancellation, uncancel counts
// and the order of events are asyncio's.
//
// `yield* operation` runs its steps inside the waiting generator. `await operation` makes the same
// steps from here, as part of the async function's task.
//
// Most operations are generators (GeneratorOperation). Those of locks and queues are iterators written
// by hand (sync/waiting_operation.ts). So this class holds nothing: a field that it set would be set
// for objects of many shapes, and cost them more than all that they do.

import { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import { RuntimeError } from '../errors/errors'
import { debugging } from '../loop/debugging'
import { type EventLoop, Kind } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { rejectAwaiting } from './awaiting_frames'
import { type Future, takeDelegated } from './future'
import { LatePromise } from './late_promise'
import { operationBegins, watchOperation } from './never_awaited'
import {
  type Await,
  type AwaitOwner,
  awaitOwner,
  cancellationIn,
  type OnFulfilled,
  type OnRejected,
  refuseAwait,
  thenGiven,
} from './then'
import { badYield } from './yielded'

/** What steps an operation: a generator, or an iterator written by hand. */
export type Steps<T> = Required<Iterator<Future<unknown>, T, unknown>>

export abstract class Operation<T> implements PromiseLike<T> {
  constructor() {
    if (debugging.isOn) watchOperation(this)
  }

  /** @internal What was called: 'Lock.acquire'. */
  abstract get _name(): string
  /** @internal Whether somebody has waited for it. */
  abstract get _hasBegun(): boolean

  /** `yield* operation` in a generator coroutine. */
  abstract [Symbol.iterator](): Steps<T>

  /** `await operation` in an async function. */
  // biome-ignore lint/suspicious/noThenProperty: an operation is awaited
  then<A = T, B = never>(
    onFulfilled?: OnFulfilled<T, A>,
    onRejected?: OnRejected<B>,
  ): Promise<A | B> {
    return begin(this, onFulfilled, onRejected)
  }

  /** @internal */
  [inspect.custom](): string {
    return `<Operation ${this._name} ${this._hasBegun ? 'begun' : 'not begun'}>`
  }
}

/** Takes the first step. What need not wait ends here, without anything that steps it on. */
function begin<T, A, B>(
  operation: Operation<T>,
  onFulfilled: OnFulfilled<T, A>,
  onRejected: OnRejected<B>,
): Promise<A | B> {
  const owner = awaitOwner()
  let steps: Steps<T>
  let step: IteratorResult<Future<unknown>, T>
  try {
    steps = operation[Symbol.iterator]()
    step = steps.next()
  } catch (error) {
    loopOf(owner)._promisesDue = true
    return rejectAwaiting(error).then(onFulfilled, onRejected)
  }
  if (step.done === true) {
    loopOf(owner)._promisesDue = true
    return thenGiven(step.value, onFulfilled, onRejected)
  }
  const waiting = new OperationSteps(steps, owner, onFulfilled, onRejected)
  waiting.waitFor(step.value)
  return waiting
}

function loopOf(owner: AwaitOwner | null): EventLoop {
  return (owner?._loop as EventLoop | undefined) ?? schedulingLoop()
}

/** The error for who waits for an operation that has begun. */
export function operationReused(): RuntimeError {
  const message = 'cannot wait for the same operation twice; wrap it in createTask to share it'
  return new RuntimeError(message, 'ERR_OPERATION_REUSED')
}

/** An operation whose steps are a generator, made when it begins. */
export class GeneratorOperation<T> extends Operation<T> {
  private steps: (() => Steps<T>) | null

  /** @param _name what was called, as it is printed */
  constructor(
    readonly _name: string,
    steps: () => Steps<T>,
  ) {
    super()
    this.steps = steps
  }

  get _hasBegun(): boolean {
    return this.steps === null
  }

  [Symbol.iterator](): Steps<T> {
    const { steps } = this
    if (steps === null) throw operationReused()
    if (debugging.isOn) operationBegins(this)
    this.steps = null
    return steps()
  }
}

/** Steps an operation for an async function; stands among the awaits of its task while it waits. */
class OperationSteps<T, A, B> extends LatePromise<A | B> implements Await {
  _future!: Future<unknown>
  private failure: Error | null = null
  private readonly resource = new AsyncResource('GyreOperation')

  constructor(
    private readonly steps: Steps<T>,
    private readonly owner: AwaitOwner | null,
    private readonly onFulfilled: OnFulfilled<T, A>,
    private readonly onRejected: OnRejected<B>,
  ) {
    super()
  }

  _wake(): void {
    this.loop().ring.push(Kind.CONTINUATION, this)
  }

  /** That of what it waits for, whichever loop's code completes that. */
  private loop(): EventLoop {
    return this._future?._loop ?? loopOf(this.owner)
  }

  _describeWaiter(): string {
    return '<await>'
  }

  run(): void {
    const { owner } = this
    if (owner !== null) {
      owner._endAwait(this)
      const isKept = this.failure === null && this._future._keepsOutcome()
      const cancellation = isKept ? null : owner._takeCancellation()
      if (cancellation !== null) {
        // What the operation was refused to wait for is not what it waited for.
        const ended = this.failure === null ? cancellationIn(this._future) : null
        this.failure = ended ?? cancellation
      }
    }
    const loop = this.loop()
    if (loop._debug) loop._promiseSteps.resume(owner)
    this.resource.runInAsyncScope(this.advance, this)
  }

  /** Goes on to the next future that the operation waits for, or to its end. */
  advance(): void {
    const { failure } = this
    this.failure = null
    let step: IteratorResult<Future<unknown>, T>
    try {
      step = failure === null ? this.steps.next() : this.steps.throw(failure)
    } catch (error) {
      this.loop()._promisesDue = true
      this.settle(rejectAwaiting(error).then(this.onFulfilled, this.onRejected))
      return
    }
    if (step.done === true) this.finish(step.value)
    else this.waitFor(step.value)
  }

  /** REQUIRES: the steps have just given `future`. */
  waitFor(future: Future<unknown>): void {
    const { owner } = this
    const refusal =
      takeDelegated() !== future
        ? badYield(future)
        : owner === null
          ? null
          : refuseAwait(owner, future)
    if (refusal !== null) {
      this.failure = refusal
      this._wake()
      return
    }
    this._future = future
    if (future._adopt(this)) return
    future._addWaiter(this)
    if (owner !== null) owner._beginAwait(this)
  }

  private finish(value: T): void {
    const { onFulfilled } = this
    this.loop()._promisesDue = true
    try {
      this.settle(typeof onFulfilled === 'function' ? onFulfilled(value) : (value as unknown as A))
    } catch (error) {
      this.fail(error)
    }
  }
}
