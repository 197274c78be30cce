// The ways to get a task or a future from what users have: createTask, ensureFuture, wrap.

import type { AsyncResource } from 'node:async_hooks'
import { checkObject, invalidType } from '../errors/arguments'
import { ForeignFuture } from '../future/foreign'
import { type Future, isFuture } from '../future/future'
import { isThenable } from '../future/thenable'
import type { EventLoop } from '../loop/loop'
import { checkEventLoop, getRunningLoop, schedulingLoop } from '../loop/running'
import { isFamilyHere, makeAdmitted } from './admit'
import type { Coro, ResultOf } from './coroutine'
import { tasksOf } from './current'
import './factory'
import type { TaskOptions } from './options'
import type { Task } from './task'

/**
 * Runs a coroutine as a task of the running loop, or of the thread's own loop outside of `run`. To
 * pass arguments: `createTask(() => fetchPage(url))`. Throws TypeError for what is not a coroutine.
 */
export function createTask<T>(coro: Coro<T>, options?: TaskOptions): Task<T>
export function createTask<C extends Coro<unknown>>(
  coro: C,
  options?: TaskOptions,
): Task<ResultOf<C>>
export function createTask<T>(coro: Coro<T>, options?: TaskOptions): Task<T> {
  return schedulingLoop().createTask(coro, options)
}

export interface EnsureOptions {
  /** The loop of the future; by default the running one. */
  loop?: EventLoop | undefined
  /** The AsyncLocalStorage context of the task, if it becomes one. */
  context?: AsyncResource | undefined
}

/**
 * A future for anything that can be waited for: a future is returned as it is, a promise is
 * wrapped, the rest becomes a task.
 */
export function ensureFuture<T>(coro: Coro<T>, options?: EnsureOptions): Future<T>
export function ensureFuture<C extends Coro<unknown>>(
  coro: C,
  options?: EnsureOptions,
): Future<ResultOf<C>>
export function ensureFuture<T>(coro: Coro<T>, options: EnsureOptions = {}): Future<T> {
  checkObject('options', options)
  if (isFuture(coro)) {
    if (options.loop !== undefined && options.loop !== coro._loop) {
      throw invalidType('coro', 'a future of the loop that was given', coro)
    }
    return coro as Future<T>
  }
  const loop = options.loop ?? schedulingLoop()
  checkEventLoop('options.loop', loop)
  if (coro instanceof Promise) return new ForeignFuture(loop, coro as Promise<T>)
  return loop.createTask(coro, options)
}

/**
 * A future for a promise. Cancelling it abandons the promise, which runs on by itself: what it
 * brings then is dropped.
 */
export function wrap<T>(promise: PromiseLike<T>): Future<T>
export function wrap<P extends PromiseLike<unknown>>(promise: P): Future<ResultOf<P>>
export function wrap<T>(promise: PromiseLike<T>): Future<T> {
  if (isFuture(promise)) return promise as Future<T>
  if (!isThenable(promise)) throw invalidType('promise', 'a promise', promise)
  return new ForeignFuture(schedulingLoop(), promise)
}

/**
 * @internal A task that carries out one call of an API of Gyre's, such as a connection's making. asyncio
 * runs these in the caller's task, so they are no work of their own, and a loop that drains lets them be.
 */
export function createOwnTask<T>(
  loop: EventLoop,
  coro: Coro<T>,
  options?: Pick<TaskOptions, 'name'>,
): Task<T> {
  if (loop._admission === null) return loop.createTask(coro, options)
  return makeAdmitted(loop, isFamilyHere(loop), () => loop.createTask(coro, options))
}

/** The tasks of a loop that are not done; by default of the running one. */
export function allTasks(loop: EventLoop = getRunningLoop()): Set<Task<unknown>> {
  checkEventLoop('loop', loop)
  return tasksOf(loop)
}
