// The task of a call that opens something, such as a connection or a child process.
//
// asyncio opens in the task of the caller, so what is open is either the caller's or, when the caller
// is cancelled, closed. Here the opening is a task, and its result reaches the caller a turn later: a
// cancellation that comes in between wins, and nobody would have what was opened. It is closed then,
// as it would have been a turn before, when the same cancellation still went into the opening.
//
// What waits when the steps end has a claim on what they opened. The last of these to be cancelled
// closes it, unless somebody else has looked at the result meanwhile.
//
// It is no class of its own: tasks of two shapes would make the steps of all tasks dearer.

import { Claim } from '../future/claim'
import type { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { isFamilyHere, makeAdmitted } from './admit'
import type { Coroutine } from './coroutine'
import { Task } from './task'

/**
 * Runs the steps that open something; `discard` closes it if nobody gets it. No task factory is asked:
 * in asyncio these steps are no task.
 */
export function createOpening<T>(
  loop: EventLoop,
  steps: Coroutine<T>,
  name: string,
  discard: (opened: T) => void,
): Task<T> {
  const task: Task<T> = new Task(
    claiming(steps, () => task, discard),
    { name },
    loop,
  )
  return task
}

function* claiming<T>(
  steps: Coroutine<T>,
  opening: () => Future<T>,
  discard: (opened: T) => void,
): Coroutine<T> {
  const opened = yield* steps
  const future = opening()
  const { _waiters: waiters } = future
  const count = Array.isArray(waiters) ? waiters.length : Number(waiters !== null)
  future._unretrieved = new Claim(count, () => discard(opened))
  return opened
}

/** The same, for what is opened in the course of work that was admitted: see createOwnTask. */
export function createOwnOpening<T>(
  loop: EventLoop,
  steps: Coroutine<T>,
  name: string,
  discard: (opened: T) => void,
): Task<T> {
  if (loop._admission === null) return createOpening(loop, steps, name, discard)
  const make = () => createOpening(loop, steps, name, discard)
  return makeAdmitted(loop, isFamilyHere(loop), make)
}
