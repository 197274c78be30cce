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
import type { Await } from './awaits'
import type { Branch } from './branch'
import type { Cancellation } from './cancellation'
import { type Future, takeDelegated } from './future'
import { LatePromise } from './late_promise'
import { operationBegins, watchOperation } from './never_awaited'
import { branchTaken, stepping } from './stepping'
import {
  type AwaitOwner,
  awaitOwner,
  cancellationIn,
  type OnFulfilled,
  type OnRejected,
  refuseAwait,
  takeCancellation,
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
  const { branch: outer, branchTask } = stepping
  stepping.branch = undefined
  stepping.branchTask = stepping.task
  let steps: Steps<T>
  let step: IteratorResult<Future<unknown>, T>
  let branch: Branch | undefined
  try {
    steps = operation[Symbol.iterator]()
    step = steps.next()
  } catch (error) {
    branchTaken()?.end()
    loopOf(owner)._promisesDue = true
    return rejectAwaiting(error).then(onFulfilled, onRejected)
  } finally {
    branch = branchTaken()
    stepping.branch = outer
    stepping.branchTask = branchTask
  }
  if (step.done === true) {
    branch?.end()
    loopOf(owner)._promisesDue = true
    return thenGiven(step.value, onFulfilled, onRejected)
  }
  const waiting = new OperationSteps(steps, owner, onFulfilled, onRejected, branch)
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
  /** Undefined until a timeout or a group in it asks for one. */
  private branch: Branch | undefined = undefined
  private readonly resource = new AsyncResource('GyreOperation')

  constructor(
    private readonly steps: Steps<T>,
    readonly _owner: AwaitOwner | null,
    private readonly onFulfilled: OnFulfilled<T, A>,
    private readonly onRejected: OnRejected<B>,
    branch: Branch | undefined,
  ) {
    super()
    this.takeBranch(branch)
  }

  _wake(): void {
    this.loop().ring.push(Kind.CONTINUATION, this)
  }

  /** That of what it waits for, whichever loop's code completes that. */
  private loop(): EventLoop {
    return this._future?._loop ?? loopOf(this._owner)
  }

  _overtake(cancellation: Cancellation): void {
    if (this.failure !== null || this._future._keepsOutcome()) return
    this.failure =
      cancellationIn(this._future) ?? cancellation.makeError(this._owner?._task as object)
  }

  _describeWaiter(): string {
    return '<await>'
  }

  run(): void {
    const { _owner: owner } = this
    owner?._endAwait(this)
    const isKept = this.failure === null && this._future._keepsOutcome()
    const cancellation = isKept ? null : this.takeCancellation()
    if (cancellation !== null) {
      // What the operation was refused to wait for is not what it waited for.
      const ended = this.failure === null ? cancellationIn(this._future) : null
      this.failure = ended ?? cancellation
    }
    const loop = this.loop()
    if (loop._debug) loop._promiseSteps.resume(owner)
    this.resource.runInAsyncScope(this.advance, this)
  }

  /** That of its branch, or of the code around it: two that wait are one. */
  private takeCancellation(): Error | null {
    const { _owner: owner, branch } = this
    const around = owner === null ? null : takeCancellation(owner)
    const own = branch?.takeUndelivered()
    return around ?? own?.makeError(branch?.task as object) ?? null
  }

  /** Goes on to the next future that the operation waits for, or to its end. */
  advance(): void {
    let step: IteratorResult<Future<unknown>, T>
    try {
      step = this.nextStep()
    } catch (error) {
      this.branch?.end()
      this.loop()._promisesDue = true
      this.settle(rejectAwaiting(error).then(this.onFulfilled, this.onRejected))
      return
    }
    if (step.done !== true) this.waitFor(step.value)
    else {
      this.branch?.end()
      this.finish(step.value)
    }
  }

  private nextStep(): IteratorResult<Future<unknown>, T> {
    const { failure } = this
    const { branch, branchTask } = stepping
    this.failure = null
    stepping.branch = this.branch
    stepping.branchTask = stepping.task
    try {
      return failure === null ? this.steps.next() : this.steps.throw(failure)
    } finally {
      if (this.branch === undefined) this.takeBranch(branchTaken())
      stepping.branch = branch
      stepping.branchTask = branchTask
    }
  }

  private takeBranch(branch: Branch | undefined): void {
    this.branch = branch
    if (branch !== undefined) branch.operation = this
  }

  /** REQUIRES: the steps have just given `future`. */
  waitFor(future: Future<unknown>): void {
    const { _owner: owner } = this
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
    this.branch?.deliverInto(future)
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
