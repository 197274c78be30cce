// The loop of runVirtual: a virtual clock, and deadlocks found at once.

import type { BackendName } from '../backend/backend'
import { BodyEnd } from '../combine/body_end'
import { DeadlockError } from '../errors/errors'
import { ForeignFuture } from '../future/foreign'
import { EventLoop } from '../loop/loop'
import { tasksOf } from '../task/current'
import { waitedFor } from '../task/inspect'
import type { Task } from '../task/task'
import { deadlockMessage } from './deadlock'

export function virtualLoop(backend: BackendName | undefined): EventLoop {
  const options = backend === undefined ? {} : { backend }
  const loop = new EventLoop({ ...options, clock: 'virtual' })
  loop._onStuck = () => {
    const [main] = tasksOf(loop)
    if (main !== undefined && isStuck(loop)) {
      loop._interrupt(new DeadlockError(deadlockMessage(loop, main)))
    }
  }
  return loop
}

/**
 * Whether every task waits on futures of the loop alone. A task that waits on a promise from
 * outside, and a loop with open sockets, child processes or signal handlers, may yet be woken; for
 * these, the end of the process is the proof.
 */
function isStuck(loop: EventLoop): boolean {
  if (loop._backend.handles > 0 || loop._foreign.size > 0) return false
  for (const task of tasksOf(loop)) {
    if (!waitsInsideLoop(task)) return false
  }
  return true
}

function waitsInsideLoop(task: Task<unknown>): boolean {
  return waitedFor(task).some(
    (future) => !(future instanceof ForeignFuture) && !(future instanceof BodyEnd),
  )
}
