// The end of `run`, after asyncio.runners._cancel_all_tasks: what is left is cancelled, waited for,
// and its errors are reported.

import { gather } from '../combine/gather'
import { DeadlockError } from '../errors/errors'
import type { Future } from '../future/future'
import { FutureState } from '../future/waiter'
import type { EventLoop } from '../loop/loop'
import { tasksOf } from '../task/current'
import type { Task } from '../task/task'
import { watchForDeadlock } from './deadlock'

export async function cancelAllTasks(loop: EventLoop): Promise<void> {
  const tasks = [...tasksOf(loop)]
  if (tasks.length === 0) return
  for (const task of tasks) task.cancel()
  const all = gather(tasks, { returnExceptions: true })
  await runToTheEnd(loop, all, tasks[0] as Task)
  for (const task of tasks) {
    if (task._state !== FutureState.EXCEPTION) continue
    const exception = task.exception()
    loop.callExceptionHandler({
      message: 'unhandled exception during run() shutdown',
      exception,
      task,
    })
  }
}

/**
 * Runs until `all` is done. A task that waits for what never comes, such as a promise that nobody
 * settles, is not waited for: it is reported when the loop closes.
 */
export async function runToTheEnd(loop: EventLoop, all: Future, first: Task): Promise<void> {
  const unwatch = watchForDeadlock(loop, all, first)
  try {
    await loop.runUntilComplete(all)
  } catch (error) {
    if (!(error instanceof DeadlockError)) throw error
  } finally {
    unwatch()
  }
}
