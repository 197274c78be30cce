// DeadlockError: what `run` says instead of ending silently when nothing can ever wake main.
//
// Node tells by 'beforeExit' that nothing is left in this thread that could bring an event: no
// timer, no socket, no request. If main is pending then, it stays so for ever.

import { DeadlockError } from '../errors/errors'
import type { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { tasksOf } from '../task/current'
import { describeFuture, waitedFor } from '../task/inspect'
import { Task } from '../task/task'

/**
 * Ends `loop` with a DeadlockError, which names `main` first, if `awaited` can never be done. Returns
 * what stops the watch.
 */
export function watchForDeadlock(
  loop: EventLoop,
  awaited: Future<unknown>,
  main: Task<unknown>,
): () => void {
  const check = () => {
    if (!awaited.done()) loop._interrupt(new DeadlockError(deadlockMessage(loop, main)))
  }
  process.on('beforeExit', check)
  return () => {
    process.removeListener('beforeExit', check)
  }
}

/** Says who waits on what, main first. */
export function deadlockMessage(loop: EventLoop, main: Task<unknown>): string {
  const lines = ['deadlock: nothing can ever wake the main task. Who waits on what:']
  const tasks = tasksOf(loop)
  tasks.delete(main)
  for (const task of [main, ...tasks]) lines.push(`  ${task.getName()}: ${waitText(task)}`)
  return lines.join('\n')
}

function waitText(task: Task<unknown>): string {
  const futures = waitedFor(task)
  if (futures.length === 0)
    return `${describeFuture(task)} waits on a promise from outside the loop`
  const names = futures.map((future) =>
    future instanceof Task ? future.getName() : describeFuture(future),
  )
  return `${describeFuture(task)} waits on ${names.join(' and ')}`
}
