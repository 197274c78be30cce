// timeout, timeoutAt and waitFor, after asyncio's timeouts module (3.13).

import { inspect } from 'node:util'
import type { TimerTarget } from '../backend/timer_table'
import { checkFunction, checkMilliseconds } from '../errors/arguments'
import { CancelledError, RuntimeError, TimeoutError } from '../errors/errors'
import type { Branch } from '../future/branch'
import { Future, isFuture } from '../future/future'
import { GeneratorOperation, Operation } from '../future/operation'
import { branchHere, takeBranch } from '../future/stepping'
import type { Handle } from '../loop/handle'
import type { EventLoop } from '../loop/loop'
import { getRunningLoop } from '../loop/running'
import { IDLE } from '../loop/timers'
import { type Coro, checkCoro, type ResultOf } from '../task/coroutine'
import { createTask, ensureFuture } from '../task/create'
import { currentTask } from '../task/current'
import type { Task } from '../task/task'
import { type Body, runBody } from './body'

const State = {
  CREATED: 'created',
  ENTERED: 'active',
  EXPIRING: 'expiring',
  EXPIRED: 'expired',
  EXITED: 'finished',
} as const
type State = (typeof State)[keyof typeof State]

/** A deadline for the current task, as `timeout` hands it to its body. */
export class Timeout implements TimerTarget {
  private state: State = State.CREATED
  private loop!: EventLoop
  private task!: Task<unknown>
  /** What it cancels; null: the task. */
  private branch: Branch | null = null
  private cancelRequestsBefore = 0
  /** @internal */ _slot = IDLE
  private soon: Handle | null = null

  /**
   * @internal
   * @param isWide for what began before: it cancels whatever the code around it waits for
   */
  constructor(
    private whenMs: number | null,
    private readonly isWide = false,
  ) {}

  /** The deadline on the loop's clock, in milliseconds; null for none. */
  when(): number | null {
    return this.whenMs
  }

  /** Whether the deadline passed while the body ran. */
  expired(): boolean {
    return this.state === State.EXPIRING || this.state === State.EXPIRED
  }

  /**
   * Moves the deadline to `whenMs` on the loop's clock; null takes it away. Throws RuntimeError
   * before the body began and after it ended or expired.
   */
  reschedule(whenMs: number | null): void {
    if (whenMs !== null) checkMilliseconds('whenMs', whenMs)
    if (this.state !== State.ENTERED) {
      const problem =
        this.state === State.CREATED
          ? 'Timeout has not been entered'
          : `Cannot change state of ${this.state} Timeout`
      throw new RuntimeError(problem, 'ERR_TIMEOUT_STATE')
    }
    this.whenMs = whenMs
    this.disarm()
    if (whenMs === null) return
    if (whenMs <= this.loop.time()) this.soon = this.loop.callSoon(() => this.timerFired())
    else this.loop._timers.arm(this, whenMs)
  }

  [inspect.custom](): string {
    const when = this.whenMs === null ? 'null' : Math.round(this.whenMs * 1000) / 1000
    const deadline = this.state === State.ENTERED ? ` when=${when}` : ''
    return `<Timeout [${this.state}]${deadline}>`
  }

  /** @internal */
  timerFired(): void {
    this.soon = null
    // First: cancelling aborts the task's signal, and its listeners may ask.
    this.state = State.EXPIRING
    this.task._cancelBranch(this.branch)
  }

  /** @internal */
  enter(): void {
    if (this.state !== State.CREATED) {
      throw new RuntimeError('Timeout has already been entered', 'ERR_TIMEOUT_STATE')
    }
    const task = taskHere('timeoutAt')
    this.state = State.ENTERED
    this.loop = task._loop
    this.task = task
    this.branch = this.isWide ? branchHere(task) : takeBranch(task)
    this.cancelRequestsBefore = task.cancelling()
    this.reschedule(this.whenMs)
  }

  /** @internal The body ended, with an error if `failed`. Returns the error to throw then. */
  exit(failed: boolean, error: unknown): unknown {
    this.disarm()
    if (this.state === State.ENTERED) this.state = State.EXITED
    if (this.state !== State.EXPIRING) return error
    this.state = State.EXPIRED
    const isOurs = this.task.uncancel() <= this.cancelRequestsBefore
    if (isOurs && failed && error instanceof CancelledError) {
      return new TimeoutError(undefined, { cause: error })
    }
    return error
  }

  /** @internal No deadline any more: the body has ended, though perhaps nobody has heard of it yet. */
  disarm(): void {
    this.loop._timers.cancel(this)
    if (this.soon !== null) {
      this.soon.cancel()
      this.soon = null
    }
  }
}

/** The current task. Throws RuntimeError where there is none. */
function taskHere(caller: string): Task<unknown> {
  const task = currentTask()
  if (task !== null) return task
  const remedy = 'call it in a coroutine, or wrap it in createTask'
  const message = `${caller}() should be used inside a task: ${remedy}`
  throw new RuntimeError(message, 'ERR_OUTSIDE_TASK')
}

function* runTimeout<T>(
  timeout: Timeout,
  body: Body<Timeout, T>,
): Generator<Future<unknown>, T, unknown> {
  timeout.enter()
  let result: T
  try {
    result = yield* runBody(body, timeout, () => timeout.disarm())
  } catch (error) {
    throw timeout.exit(true, error)
  }
  timeout.exit(false, undefined)
  return result
}

/**
 * Runs `body` in the current task and cancels it when `ms` milliseconds have passed; who waits then
 * gets a TimeoutError. null sets no deadline. A body that never waits is not interrupted.
 */
export function timeout<T>(ms: number | null, body: Body<Timeout, T>): Operation<T>
export function timeout<B extends Body<Timeout, unknown>>(
  ms: number | null,
  body: B,
): Operation<ResultOf<B>>
export function timeout<T>(ms: number | null, body: Body<Timeout, T>): Operation<T> {
  if (ms !== null) checkMilliseconds('ms', ms)
  checkFunction('body', body)
  return new GeneratorOperation('timeout', () => {
    const { _loop: loop } = taskHere('timeout')
    return runTimeout(new Timeout(ms === null ? null : loop.time() + ms), body)
  })
}

/** Like `timeout`, with a time on the loop's clock (`loop.time()`) instead of a span. */
export function timeoutAt<T>(whenMs: number | null, body: Body<Timeout, T>): Operation<T>
export function timeoutAt<B extends Body<Timeout, unknown>>(
  whenMs: number | null,
  body: B,
): Operation<ResultOf<B>>
export function timeoutAt<T>(whenMs: number | null, body: Body<Timeout, T>): Operation<T> {
  if (whenMs !== null) checkMilliseconds('whenMs', whenMs)
  checkFunction('body', body)
  return new GeneratorOperation('timeoutAt', () => runTimeout(new Timeout(whenMs), body))
}

/**
 * Waits for one coroutine or future in the current task, at most `ms` milliseconds; null waits for
 * ever. When the time is over it is cancelled, waited for, and a TimeoutError thrown; if it
 * swallows the cancellation, its result is given. With `ms <= 0`, what has not begun never does.
 */
export function waitFor<T>(coro: Coro<T>, ms: number | null): Operation<T>
export function waitFor<C extends Coro<unknown>>(coro: C, ms: number | null): Operation<ResultOf<C>>
export function waitFor<T>(coro: Coro<T>, ms: number | null): Operation<T> {
  checkCoro('coro', coro)
  if (ms !== null) checkMilliseconds('ms', ms)
  return new GeneratorOperation('waitFor', () => {
    if (ms !== null && ms <= 0) return waitNoTime(coro)
    const steps = () => {
      const whenMs = ms === null ? null : getRunningLoop().time() + ms
      return runTimeout(new Timeout(whenMs, isPlainPromise(coro)), (timeout) =>
        inline(coro, timeout),
      )
    }
    return currentTask() === null ? inOwnTask(steps) : steps()
  })
}

function* inOwnTask<T>(
  steps: () => Generator<Future<unknown>, T, unknown>,
): Generator<Future<unknown>, T, unknown> {
  return yield* createTask(steps)
}

/**
 * The coroutine itself, to run in the current task; a promise can only be waited for from outside.
 */
function inline<T>(coro: Coro<T>, timeout: Timeout): Generator<Future<unknown>, T, unknown> {
  if (typeof coro === 'function') return callInline(coro, timeout)
  if (coro instanceof Operation || isFuture(coro)) return waitInline(coro as Future<T>)
  if (isPlainPromise(coro)) return waitInline(ensureFuture(coro))
  return coro as Generator<Future<unknown>, T, unknown>
}

function* callInline<T>(
  coro: () => unknown,
  timeout: Timeout,
): Generator<Future<unknown>, T, unknown> {
  return yield* runBody(coro as Body<undefined, T>, undefined, () => timeout.disarm())
}

function* waitInline<T>(future: Future<T>): Generator<Future<unknown>, T, unknown> {
  return yield* future
}

/** That of an async function which runs in the current task: it was called there. */
function isPlainPromise(x: unknown): x is PromiseLike<never> {
  if (x instanceof Operation || isFuture(x)) return false
  return typeof (x as { then?: unknown }).then === 'function'
}

function* waitNoTime<T>(coro: Coro<T>): Generator<Future<unknown>, T, unknown> {
  const future = ensureFuture(coro)
  if (future.done()) return future.result()
  yield* cancelAndWait(future)
  try {
    return future.result()
  } catch (error) {
    if (error instanceof CancelledError) throw new TimeoutError(undefined, { cause: error })
    throw error
  }
}

/** Cancels a future and waits until it is done, whatever its outcome. */
function* cancelAndWait(future: Future<unknown>): Generator<Future<unknown>, void, unknown> {
  const end = new Future<void>(future._loop)
  const release = () => {
    if (!end.done()) end.setResult(undefined)
  }
  future._onDone(release)
  try {
    future.cancel()
    yield* end
  } finally {
    future.removeDoneCallback(release)
  }
}
