// The body of a timeout or a task group: it runs in the current task, as the body of `async with`
// does in Python, whether it is a generator function or an async function.

import { invalidType } from '../errors/arguments'
import { isCancelled } from '../errors/errors'
import { Future, isFuture } from '../future/future'
import { Operation } from '../future/operation'
import { isThenable } from '../future/thenable'
import { FutureState } from '../future/waiter'
import { isGenerator } from '../future/yielded'
import { taskStore } from '../loop/context'
import { type Coroutine, isGeneratorFunction } from '../task/coroutine'
import { currentTask } from '../task/current'
import type { Task } from '../task/task'

export type Body<A, T> = (argument: A) => Coroutine<T> | PromiseLike<T>

/**
 * The end of an async body. Cancelling the task must go to what the body itself waits for, and then
 * wait until its `finally` blocks have run: so this future refuses to be cancelled.
 */
export class BodyEnd<T> extends Future<T> {
  static override readonly _isInner = true
  /** The last request to cancel came from the code of the body itself. */
  private isAskedByBody = false

  constructor(private readonly task: Task<unknown> | null) {
    super()
  }

  override _cancelWith(): boolean {
    this.isAskedByBody = currentTask() === this.task
    return false
  }

  /**
   * In asyncio nobody waits between a body and what runs it: an error passes through, and a cancellation
   * that was asked for comes at the next wait. So a group inside a group hands its errors on, and a body
   * that cancels its own task and returns has returned. A body that was cancelled from outside while it
   * awaited a foreign promise is cancelled here, so that a timeout around it does not pass unnoticed.
   */
  override _keepsOutcome(): boolean {
    if (this.isAskedByBody) return true
    return this._state === FutureState.EXCEPTION && !isCancelled(this._value)
  }
}

/** Runs the body. `bodyEnded` is called as soon as an async one has ended: this hears of it later. */
export function* runBody<A, T>(
  body: Body<A, T>,
  argument: A,
  bodyEnded: () => void = () => {},
): Generator<Future<unknown>, T, unknown> {
  const task = currentTask()
  const given: unknown = callInTask(task, body, argument)
  if (isFuture(given) || given instanceof Operation) return (yield* given) as T
  if (isGenerator(given)) return (yield* given) as T
  if (!isThenable(given)) {
    throw invalidType('body', 'a generator function or an async function', body)
  }
  const end = new BodyEnd<T>(task)
  given.then(
    (value) => {
      bodyEnded()
      if (!end._loop.isClosed()) end.setResult(value as T)
    },
    (error) => {
      bodyEnded()
      if (!end._loop.isClosed()) end.setException(error)
    },
  )
  return yield* end
}

/** Inside a generator task an async body must be told which task it belongs to. */
function callInTask<A, T>(
  task: Task<unknown> | null,
  body: Body<A, T>,
  argument: A,
): Coroutine<T> | PromiseLike<T> {
  if (task === null || isGeneratorFunction(body) || taskStore.getStore() === task) {
    return body(argument)
  }
  return taskStore.run(task, body, argument)
}
