// What can be asked of a new task.

import { AsyncResource } from 'node:async_hooks'
import { checkObject, checkSwitch, invalidType } from '../errors/arguments'

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

/** Throws TypeError for what are no options. `drain` is looked at where it is used. */
export function checkTaskOptions(options: TaskOptions): void {
  checkObject('options', options)
  const { eagerStart, context } = options
  if (eagerStart !== undefined) checkSwitch('options.eagerStart', eagerStart)
  if (context !== undefined && !(context instanceof AsyncResource)) {
    throw invalidType('options.context', 'an AsyncResource', context)
  }
}
