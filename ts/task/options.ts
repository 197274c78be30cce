// What can be asked of a new task.

import type { AsyncResource } from 'node:async_hooks'

export interface TaskOptions {
  /** The task's name; by default 'Task-1', 'Task-2' … */
  name?: string | undefined
  /** Run the first step at once, inside this call (asyncio 3.12). The task may come back done. */
  eagerStart?: boolean | undefined
  /** The AsyncLocalStorage context to run in; by default that of the call. */
  context?: AsyncResource | undefined
  /**
   * A soft shutdown (`run` with `shutdown`) lets the task finish before it cancels what is left.
   */
  drain?: boolean | undefined
}
