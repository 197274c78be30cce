// What is being stepped: a task, a coroutine that has no task yet, or an operation of an async function.
// Tasks and operations set it; what reads it need not know them.

import { taskStore } from '../loop/context'
import { Branch, type BranchedTask } from './branch'

/** Steps a coroutine that has no task yet, and makes the task if somebody asks for it. */
export interface TaskMaker {
  /** @internal Makes the task of the coroutine that is being stepped, and sets `stepping.task`. */
  makeCurrent(): object
}

/**
 * @internal At most one of `task` and `maker` is set. `branch` is that of the operation that is being
 * stepped: undefined until it is asked for, null outside of operations. It holds where `branchTask` is
 * still the task: one that is stepped from inside an operation (eagerly) has a main line of its own.
 */
export const stepping: {
  task: object | null
  maker: TaskMaker | null
  branch: Branch | null | undefined
  branchTask: object | null
} = {
  task: null,
  maker: null,
  branch: null,
  branchTask: null,
}

/** The task whose code runs, also if it is done: behind an `await`, the one of the context. */
export function taskOfCode(): object | null {
  if (stepping.task !== null) return stepping.task
  if (stepping.maker !== null) return stepping.maker.makeCurrent()
  return taskStore.getStore()?._task ?? null
}

/** The innermost branch that the running code of `task` is in; null on its main line. */
export function branchHere(task: object): Branch | null {
  const isStepped = stepping.branch !== null && stepping.branchTask === stepping.task
  if (isStepped && stepping.branch !== undefined) return stepping.branch
  if (!isStepped && stepping.task !== null) return null
  const owner = taskStore.getStore()
  if (owner?._task !== task) return null
  // What a body left behind belongs to what is around the body.
  return (owner._live()?._branch ?? null) as Branch | null
}

/** As `branchHere`, for what may ask to cancel: an operation that is being stepped has its own. */
export function takeBranch(task: object): Branch | null {
  const here = branchHere(task)
  if (stepping.branch !== undefined || stepping.branchTask !== stepping.task) return here
  stepping.branch = new Branch(task as BranchedTask, here)
  return stepping.branch
}

/** The branch of the operation that is being stepped, if it was asked for. */
export function branchTaken(): Branch | undefined {
  return stepping.branch ?? undefined
}

/** Calls `act` from inside a step as if from the loop: what it does belongs to no task. */
export function outsideTasks(act: () => void): void {
  const { task, maker, branch } = stepping
  stepping.task = null
  stepping.maker = null
  stepping.branch = null
  try {
    act()
  } finally {
    stepping.task = task
    stepping.maker = maker
    stepping.branch = branch
  }
}
