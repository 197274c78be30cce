// Which task is running. In the step of a generator coroutine, and in the synchronous first part of
// an async function, it is the task being stepped; behind an `await` it is the task that the
// AsyncLocalStorage context belongs to.

import { taskOfCode } from '../future/stepping'
import type { EventLoop } from '../loop/loop'
import type { Task } from './task'
import { isUnmade } from './unmade'

/** The task that is running, or null outside of one. */
export function currentTask(): Task<unknown> | null {
  const task = taskOfCode() as Task<unknown> | null
  return task === null || task.done() ? null : task
}

/** The tasks of `loop` that are not done, as a set, in the order of their making. */
export function tasksOf(loop: EventLoop): Set<Task<unknown>> {
  for (const node of loop._tasks) {
    if (isUnmade(node)) node.makeAll()
  }
  const tasks = new Set<Task<unknown>>()
  for (const node of loop._tasks) {
    if (!isUnmade(node)) tasks.add(node as Task<unknown>)
  }
  return tasks
}
