// EventLoop.createTask, and the factories that may stand in for Task.

import { checkFunction, checkObject, invalidType } from '../errors/arguments'
import { type Future, isFuture } from '../future/future'
import { EventLoop } from '../loop/loop'
import { type Coro, checkCoro, type ResultOf } from './coroutine'
import type { TaskOptions } from './options'
import { Task } from './task'

const NO_OPTIONS: TaskOptions = {}

/** Makes the tasks of a loop: see EventLoop.setTaskFactory. */
export type TaskFactory = (loop: EventLoop, coro: Coro<unknown>, options: TaskOptions) => Future

declare module '../loop/loop' {
  interface EventLoop {
    /** Schedules a coroutine on this loop. Throws TypeError for what is none. */
    createTask<T>(coro: Coro<T>, options?: TaskOptions): Task<T>
    createTask<C extends Coro<unknown>>(coro: C, options?: TaskOptions): Task<ResultOf<C>>
    /** Sets what makes this loop's tasks, futures all of them; null goes back to Task. */
    setTaskFactory(factory: TaskFactory | null): void
    getTaskFactory(): TaskFactory | null
  }
}

EventLoop.prototype.createTask = function createTask<T>(
  this: EventLoop,
  coro: Coro<T>,
  options: TaskOptions = NO_OPTIONS,
): Task<T> {
  this._checkOpen()
  const factory = this._taskFactory as TaskFactory | null
  if (factory === null) return new Task(coro, options, this)
  checkCoro('coro', coro)
  checkObject('options', options)
  const made: unknown = factory(this, coro, options)
  if (!isFuture(made)) throw invalidType('factory()', 'a future', made)
  // A factory may leave the options aside, as asyncio's, which are not told the name, do.
  const { name } = options
  if (name !== undefined && made instanceof Task) made.setName(name)
  return made as Task<T>
}

EventLoop.prototype.setTaskFactory = function setTaskFactory(factory): void {
  if (factory !== null) checkFunction('factory', factory)
  this._taskFactory = factory
}

EventLoop.prototype.getTaskFactory = function getTaskFactory(): TaskFactory | null {
  return this._taskFactory as TaskFactory | null
}
