// The task whose step is on the stack. A room of its own, because tasks set it and what reads it knows
// tasks.

/** Steps a coroutine that has no task yet, and makes the task if somebody asks for it. */
export interface TaskMaker {
  /** @internal Makes the task of the coroutine that is being stepped, and sets `stepping.task`. */
  makeCurrent(): object
}

/** @internal At most one of the two is set. */
export const stepping: { task: object | null; maker: TaskMaker | null } = {
  task: null,
  maker: null,
}

/** Calls `act` from inside a step as if from the loop: what it does belongs to no task. */
export function outsideTasks(act: () => void): void {
  const { task, maker } = stepping
  stepping.task = null
  stepping.maker = null
  try {
    act()
  } finally {
    stepping.task = task
    stepping.maker = maker
  }
}
