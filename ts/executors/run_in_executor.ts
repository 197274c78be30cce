// What loops have to do with executors: runInExecutor, the default executor, toThread.

import { checkFunction, invalidType } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { placeOf } from '../run/default_executor'
import { Executor } from './executor'
import type { ModuleFunction, StandaloneFunction } from './job_function'
import { ThreadPoolExecutor } from './pools'
import { traceOf } from './submit_trace'

/** Anything with a `submit` like that of the executors. */
export interface Submits {
  submit(fn: never, ...args: never[]): Future<unknown>
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Runs `fn(...args)` in `executor`, or in the loop's default executor if it is null: a
     * ThreadPoolExecutor, made at the first use, that `run` shuts down at its end. See Executor.submit
     * for what it throws.
     */
    runInExecutor<A extends readonly unknown[], R>(
      executor: Submits | null,
      fn: StandaloneFunction<A, R>,
      ...args: A
    ): Future<Awaited<R>>
    runInExecutor<R = unknown>(
      executor: Submits | null,
      fn: ModuleFunction,
      ...args: unknown[]
    ): Future<Awaited<R>>
    /** Makes `executor` the one that `runInExecutor(null, …)` and `toThread` use. */
    setDefaultExecutor(executor: Executor): void
  }
}

EventLoop.prototype.runInExecutor = function runInExecutor(
  this: EventLoop,
  executor: Submits | null,
  fn: unknown,
  ...args: unknown[]
): Future<never> {
  return submitTo(this, executor, fn, args, this.runInExecutor) as Future<never>
}

/** `caller` is left out of the stack of who submitted the job. */
function submitTo(
  loop: EventLoop,
  executor: Submits | null,
  fn: unknown,
  args: readonly unknown[],
  caller: (...args: never[]) => unknown,
): Future<unknown> {
  loop._checkOpen()
  const chosen: Submits = executor === null ? defaultExecutor(loop) : executor
  const submit = (chosen as Partial<Submits> | undefined)?.submit
  checkFunction('executor.submit', submit)
  // An executor of somebody else's, or one that has a `submit` of its own.
  if (!(chosen instanceof Executor) || submit !== Executor.prototype.submit) {
    return chosen.submit(fn as never, ...(args as never[]))
  }
  return chosen._submit(fn, args, false, traceOf(caller))
}

EventLoop.prototype.setDefaultExecutor = function setDefaultExecutor(
  this: EventLoop,
  executor: Executor,
): void {
  if (!(executor instanceof Executor)) {
    throw invalidType('executor', 'a ThreadPoolExecutor or ProcessPoolExecutor', executor)
  }
  const place = placeOf(this)
  place.executor = executor
}

function defaultExecutor(loop: EventLoop): Executor {
  const place = placeOf(loop)
  if (place.isShutDown) {
    const message = 'the default executor of this loop was shut down'
    throw new RuntimeError(message, 'ERR_EXECUTOR_SHUT_DOWN')
  }
  if (place.executor === null) place.executor = new ThreadPoolExecutor()
  return place.executor as Executor
}

/**
 * Runs `fn(...args)` in a thread of the default executor. What AsyncLocalStorage holds stays here: unlike
 * Python's contexts, its values cannot go to another thread.
 */
export function toThread<A extends readonly unknown[], R>(
  fn: StandaloneFunction<A, R>,
  ...args: A
): Future<Awaited<R>>
export function toThread<R = unknown>(fn: ModuleFunction, ...args: unknown[]): Future<Awaited<R>>
export function toThread(fn: unknown, ...args: unknown[]): Future<unknown> {
  return submitTo(schedulingLoop(), null, fn, args, toThread)
}
