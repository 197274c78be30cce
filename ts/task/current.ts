// Which task is running. In the step of a generator coroutine, and in the synchronous first part of
// an async function, it is the task being stepped; behind an `await` it is the task that the
// AsyncLocalStorage context belongs to.

import { taskStore } from '../loop/context'
import type { Linked } from '../loop/linked_list'
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

/** @internal Stands on the list of tasks for those that are not made yet: see gathering.ts. */
export interface UnmadeTasks extends Linked {
  /** Puts the tasks before itself on the list. */
  makeAll(): void
  /** The number in the name of the next task. */
  nextNumber(): number
}

function isUnmade(node: Linked): node is UnmadeTasks {
  return 'makeAll' in node
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
