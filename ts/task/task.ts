// Task: a coroutine that runs on the loop, one step a wake-up.
//
// A generator is stepped from the ready ring: no promise and no microtask takes part. An async
// function runs by itself; the task knows what it awaits (see future/then.ts) and follows its
// promise.
//
// Invariants: 1. While a generator task waits, `_waitsFor` is the future it was added to as a
//                waiter; it is null while the task is running, ready, or behind a bare yield.
//             2. While a task is pending, `_value` is the cancellation that was asked for and went
//                into no future yet; undefined if there is none (asyncio's _must_cancel).
//             3. A task is on its loop's list of tasks exactly while it is pending.

import type { AsyncResource } from 'node:async_hooks'
import { CancelledError, endsLoop, isCancelled, RuntimeError } from '../errors/errors'
import { functionName } from '../errors/printing'
import { cancelAwaits } from '../future/awaits'
import type { Branch, BranchedTask } from '../future/branch'
import { Cancellation } from '../future/cancellation'
import { FIRST_STEP } from '../future/coroutine_in_use'
import { ForeignFuture } from '../future/foreign'
import { checkLoop } from '../future/foreign_use'
import { type Future, isFuture, takeDelegated } from '../future/future'
import { stepping } from '../future/stepping'
import { cancellationIn, deliverInto } from '../future/then'
import { FutureState, type RunnableWaiter } from '../future/waiter'
import { badYield } from '../future/yielded'
import { captureContext, taskStore } from '../loop/context'
import { debugging } from '../loop/debugging'
import type { Linked } from '../loop/linked_list'
import { type EventLoop, Kind } from '../loop/loop'
import { isRunningHere, schedulingLoop } from '../loop/running'
import { warnOfSwallowedCancel } from '../loop/warnings'
import { admitTask } from './admit'
import { AwaitingTask } from './await_owner'
import { CancelRequests, REQUEST, UNDER_WAY } from './cancel_requests'
import { type Coro, checkCoro, isGeneratorFunction, stepsOf } from './coroutine'
import { takeTaskNumber } from './numbers'
import { checkTaskOptions, type TaskOptions } from './options'
import { printStackOf, stackOf } from './stack'
import type { UnmadeTasks } from './unmade'

const NO_OPTIONS: TaskOptions = {}

export class Task<T = unknown>
  extends AwaitingTask<T>
  implements RunnableWaiter, BranchedTask, Linked
{
  /** @internal */ _previous: Linked | null = null
  /** @internal */ _next: Linked | null = null
  private readonly coro: Coro<T>
  private name: string | number
  private readonly resource: AsyncResource
  /** What is stepped; null in one that follows a promise, or is done; undefined before the start. */
  private generator: Iterator<Future<unknown>, T, unknown> | null | undefined = undefined
  private thrown: Error | null = null
  /** Calls of `cancel` less those of `uncancel`: see cancel_requests.ts. */
  private cancels = 0
  private requests: CancelRequests | null = null

  /**
   * Throws TypeError for what is not a coroutine, RuntimeError (ERR_SHUTTING_DOWN) while the loop
   * drains. `loop` is the running one by default.
   *
   * @param unmade for gather: the task takes its place on the list, and its number; its first step
   * is run by who makes it
   */
  constructor(
    coro: Coro<T>,
    options: TaskOptions = NO_OPTIONS,
    loop: EventLoop = schedulingLoop(),
    unmade: UnmadeTasks | null = null,
  ) {
    super(loop)
    checkCoro('coro', coro)
    if (unmade === null) checkTaskOptions(options)
    if (options.drain !== undefined || this._loop._admission !== null) {
      admitTask(this, this._loop, coro, options.drain, unmade)
    }
    this.coro = coro
    // It may be rejected before the first step looks at it; the task will tell of that.
    if (coro instanceof Promise) coro.then(undefined, () => {})
    this.name =
      options.name === undefined ? (unmade?.taskNumber() ?? takeTaskNumber()) : String(options.name)
    this.resource = options.context ?? captureContext('GyreTask')
    if (unmade !== null) {
      this._loop._tasks.insertBefore(unmade, this)
      return
    }
    this._loop._tasks.add(this)
    if (options.eagerStart === true && isRunningHere(this._loop)) this.runEagerly()
    else this._wake()
  }

  /** The first step, inside the constructor. An error that ends the loop goes through the caller. */
  private runEagerly(): void {
    // In the first step of a gather's child, which is a task from now on: its step goes on behind this one.
    stepping.maker?.makeCurrent()
    this.run()
    if (this._state !== FutureState.EXCEPTION || !endsLoop(this._value)) return
    this._loop._takeInterruption(this._value)
    throw this._value
  }

  getName(): string {
    return typeof this.name === 'number' ? `Task-${this.name}` : this.name
  }

  setName(name: string): void {
    this.name = String(name)
  }

  /** @internal What is running, for messages: the generator if there is one. */
  _running(): unknown {
    return this.generator ?? this.coro
  }

  /** @internal */
  _wake(): void {
    this._loop.ring.push(Kind.TASK, this)
  }

  /** @internal */
  _describeWaiter(): string {
    return 'Task.task_wakeup()'
  }

  /** @internal The words for "exception was never retrieved", said when the task is gone. */
  override _describeUnretrieved(): { what: string; name: string } {
    return { what: 'Task', name: `Task ${this.getName()}` }
  }

  /** The coroutine that the task runs, as it was given. */
  getCoro(): Coro<T> {
    return this.coro
  }

  /**
   * Where the task stands: `name (file:line)` of its suspended coroutine, or the frames of the error it
   * failed with, the most recent last; at most `limit` of them.
   */
  getStack(limit?: number): string[] {
    return stackOf(this, limit)
  }

  /** Prints the task and its stack to `stream`, by default stderr. */
  printStack(limit?: number, stream: NodeJS.WritableStream = process.stderr): void {
    printStackOf(this, limit, stream)
  }

  /**
   * How many times `cancel` was called, less the calls of `uncancel`. A timeout that has expired counts
   * until its body has ended; in code of the task itself, not if it runs beside that code.
   */
  cancelling(): number {
    const all = this.allCancels()
    return all === 0 || this.requests === null ? all : all - this.requests.beside()
  }

  private allCancels(): number {
    return Math.trunc(this.cancels / REQUEST)
  }

  /**
   * Takes one request to cancel back; returns how many are left. When none is left, a cancellation
   * that was not delivered yet is dropped (asyncio 3.13).
   */
  uncancel(): number {
    if (this.cancelling() === 0) return 0
    const { requests } = this
    requests?.takeBack(this.allCancels())
    this.cancels -= REQUEST
    const all = this.allCancels()
    const left = this.cancelling()
    if ((requests?.ofTask(all) ?? all) === 0) this._delivered()
    if (left === 0) requests?.settle(all === 0)
    return left
  }

  /**
   * Aborted when the task is cancelled: for fetch and other APIs that take an AbortSignal. In the body of a
   * timeout or a group it is the body's own: where the task does other things beside it, a timeout aborts
   * no other.
   */
  get signal(): AbortSignal {
    return this.ensureRequests().signal(this.cancelling() > 0)
  }

  /** Not for tasks: their result is what the coroutine returns. Throws RuntimeError. */
  override setResult(_value: T): never {
    throw new RuntimeError('Task does not support setResult', 'ERR_TASK_RESULT')
  }

  /** Not for tasks: their exception is what the coroutine throws. Throws RuntimeError. */
  override setException(_error: unknown): never {
    throw new RuntimeError('Task does not support setException', 'ERR_TASK_RESULT')
  }

  /**
   * Asks the task to stop: CancelledError is thrown where it waits, at the next opportunity.
   * Returns false if it is done already, otherwise true, also if the coroutine then ignores it.
   */
  override cancel(reason?: unknown): boolean {
    if (debugging.isOn) checkLoop(this, 'cancel')
    return this._cancelWith(new Cancellation(reason, this))
  }

  /** @internal */
  override _cancelWith(cancellation: Cancellation): boolean {
    if (this._state !== FutureState.PENDING) return false
    if ((this.cancels & UNDER_WAY) !== 0) {
      return this.leaveCircle(cancellation, this.requests?.underWay)
    }
    this.cancels += REQUEST
    this.requests?.abortSignals(null, cancellation)
    this.cancels |= UNDER_WAY
    const reached = cancelAwaits(this, cancellation)
    const waited = this.generator === undefined && isFuture(this.coro) ? this.coro : this._waitsFor
    // A generator that is about to go on gets it then, whatever was left behind by a body of its own.
    const isDelivered =
      waited === null ? reached && !this.generator : waited._cancelWith(cancellation)
    this.cancels &= ~UNDER_WAY
    if (!isDelivered) this._cancelLater(cancellation)
    return true
  }

  /** @internal */
  _cancelLater(cancellation: Cancellation): void {
    if (this._state !== FutureState.PENDING) return
    this._value = cancellation
    const { reason } = cancellation
    if (reason !== undefined || this.requests !== null) this.ensureRequests().reason = reason
  }

  /** @internal Asks what runs in `branch` to stop, and nothing beside it; null: the whole task. */
  _cancelBranch(branch: Branch | null, reason?: unknown): void {
    const cancellation = new Cancellation(reason, this)
    if (branch === null) {
      this._cancelWith(cancellation)
      return
    }
    const requests = this.ensureRequests()
    const { underWay } = requests
    if (this._state === FutureState.PENDING) {
      this.cancels += REQUEST
      requests.ask(branch)
    }
    // Where nothing runs beside it, who took the signal outside of the body means this, too.
    requests.abortSignals(branch.isAlone() ? null : branch, cancellation)
    const isUnderWay = this.cancels & UNDER_WAY
    this.cancels |= UNDER_WAY
    requests.underWay = branch
    branch.deliver(cancellation)
    requests.underWay = underWay
    if (isUnderWay === 0) this.cancels &= ~UNDER_WAY
  }

  /** @internal A request of before concerns the next wait of what runs in `branch`, too. */
  _cancelAgain(branch: Branch | null): void {
    if (branch !== null) branch.deliver(new Cancellation(undefined, this))
    else {
      // Asked for anew, the count stays right.
      this.uncancel()
      this.cancel()
    }
  }

  /** @internal The reason of the last cancellation that went into no future. */
  _lastReason(): unknown {
    return this.requests?.reason
  }

  private ensureRequests(): CancelRequests {
    this.requests ??= new CancelRequests(this)
    return this.requests
  }

  /** @internal */
  _branchEnded(branch: Branch): void {
    this.requests?.branchEnded(branch)
  }

  /** @internal Runs one step: the first, or the one after what it waited for is done. */
  run(): void {
    this.resource.runInAsyncScope(stepTask, undefined, this as Task<unknown>)
  }

  /** @internal */
  _step(): void {
    const waited = this._waitsFor
    this._waitsFor = null
    let error: Error | null = this.thrown
    this.thrown = null
    const cancellation = this._value as Cancellation | undefined
    if (cancellation !== undefined && waited?._keepsOutcome() !== true) {
      this._value = undefined
      error = (waited && cancellationIn(waited)) ?? cancellation.makeError(this)
    } else if (waited?._state === FutureState.CANCELLED && !this._loop._debug) {
      // Thrown in from here it passes fewer frames than thrown by the iterator's `next`; but made there
      // it has the frames of the coroutine in its stack, if it has one.
      error = waited._makeCancelledError()
    }
    const outer = stepping.task
    stepping.task = this
    try {
      if (this.generator === undefined) this.beginSteps(error)
      else this.advance(error)
    } catch (failure) {
      this._fail(failure)
    } finally {
      stepping.task = outer
    }
  }

  /** @internal For gather: `generator` began its first step before there was a task. */
  _beganAs(generator: Iterator<Future<unknown>, T, unknown>): void {
    this.generator = generator
  }

  /** The first step. A task that is cancelled before it runs nothing of its coroutine. */
  private beginSteps(error: Error | null): void {
    this.generator = null
    const { coro } = this
    if (typeof coro !== 'function') {
      // A promise that is given runs already: the task waits for it, and abandons it when cancelled.
      this.generator =
        stepsOf<T>(coro, 'what createTask was given') ??
        new ForeignFuture<T>(this._loop, coro as PromiseLike<T>)[Symbol.iterator]()
      this.advance(error, this.generator === coro ? FIRST_STEP : undefined)
      return
    }
    if (error !== null) throw error
    // An async function learns which task it belongs to from the store. Generator functions do not
    // need it, and the first use of a store makes every promise of the process dearer.
    const made: unknown = isGeneratorFunction(coro) ? coro() : taskStore.run(this, coro)
    this.generator = stepsOf<T>(made, `the function ${functionName(coro, 'given')} must return one`)
    if (this.generator === null) this.follow(made as PromiseLike<T>)
    else this.advance(null, this.generator === made ? FIRST_STEP : undefined)
  }

  /** Resumes the generator, and waits for what it yields next. */
  private advance(error: Error | null, given?: unknown): void {
    const generator = this.generator as Generator<Future<unknown>, T, unknown>
    this._takeStep(error === null ? generator.next(given) : generator.throw(error))
  }

  /** @internal What comes of a step: the end, or something to wait for. */
  _takeStep(step: IteratorResult<Future<unknown>, T>): void {
    if (step.done === true) {
      this.finish(step.value)
      return
    }
    const future = step.value
    if (future === takeDelegated() && future !== null) this.waitFor(future)
    else if (future === undefined) this._wake()
    else this.throwLater(badYield(future))
  }

  private waitFor(future: Future<unknown>): void {
    if (future._loop !== this._loop) {
      const message = `Task ${this.getName()} got a future that is attached to a different loop`
      this.throwLater(new RuntimeError(message, 'ERR_WRONG_LOOP'))
    } else if ((future as unknown) === this) {
      const message = `Task ${this.getName()} cannot await on itself`
      this.throwLater(new RuntimeError(message, 'ERR_AWAIT_SELF'))
    } else if (!future._adopt(this)) {
      future._addWaiter(this)
      this._waitsFor = future
      deliverInto(this, future)
    }
  }

  private throwLater(error: Error): void {
    this.thrown = error
    this._wake()
  }

  /** Follows the promise of an async function to its end, which is nobody's once the loop is closed. */
  private follow(promise: PromiseLike<T>): void {
    this._loop._promisesDue = true
    if (this._loop._debug) this._loop._promiseSteps.resume(this)
    promise.then(
      (value) => {
        if (!this._loop.isClosed()) this.finish(value)
      },
      (error) => {
        if (!this._loop.isClosed()) this._fail(error)
      },
    )
  }

  private finish(value: T): void {
    if (this._state !== FutureState.PENDING) return
    this.leave()
    const cancellation = this._value as Cancellation | undefined
    if (cancellation !== undefined) {
      this._unwanted()
      this._endCancelled(cancellation)
      return
    }
    if (this.cancels !== 0 && this._loop.getDebug()) warnOfSwallowedCancel(this.getName())
    super.setResult(value)
  }

  /** @internal The coroutine threw. */
  _fail(error: unknown): void {
    if (this._state !== FutureState.PENDING) return
    this.leave()
    if (error instanceof CancelledError) {
      this._endCancelled(error)
      return
    }
    const cancelled = this._cancellationOf(error, null)
    if (cancelled !== null) {
      this._endCancelled(cancelled)
      return
    }
    super.setException(error)
    if (endsLoop(error)) {
      this._markRetrieved()
      this._loop._interrupt(error)
    }
  }

  /**
   * @internal What takes an AbortSignal fails with an error of its own kind when the signal is aborted. If
   * `error` is such a one, of code in `branch`: the cancellation that it came from.
   */
  _cancellationOf(error: unknown, branch: Branch | null): Cancellation | null {
    if (error instanceof CancelledError || !isCancelled(error)) return null
    const abortedBy = this.requests?.abortedBy(branch)
    return abortedBy === undefined ? null : new Cancellation(abortedBy.reason, this)
  }

  private leave(): void {
    this._loop._tasks.remove(this)
    this.generator = null
  }
}

/** A plain function for runInAsyncScope, so that no closure is made for each step. */
function stepTask(task: Task<unknown>): void {
  task._step()
}
