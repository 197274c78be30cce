// Which task is running. In the step of a generator coroutine, and in the synchronous first part of an
// async function, it is the task being stepped; behind an `await` it is the task that the
// AsyncLocalStorage context belongs to.

import { taskStore } from '../loop/context'
import type { EventLoop } from '../loop/loop'
import type { Task } from './task'

/** @internal The task whose step is on the stack. */
export const stepping: { task: Task<unknown> | null } = { task: null }

/** The task that is running, or null outside of one. */
export function currentTask(): Task<unknown> | null {
  if (stepping.task !== null) return stepping.task
  const task = taskStore.getStore() as Task<unknown> | undefined
  return task === undefined || task.done() ? null : task
}

/** The tasks of `loop` that are not done, as a set. */
export function tasksOf(loop: EventLoop): Set<Task<unknown>> {
  for (const source of loop._unmade) source.makeAll()
  return new Set(loop._tasks as unknown as Iterable<Task<unknown>>)
}
