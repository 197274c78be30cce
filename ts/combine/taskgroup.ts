// taskGroup: tasks that live and end together, after asyncio's TaskGroup (3.13).

import { inspect } from 'node:util'
import { checkFunction } from '../errors/arguments'
import { CancelledError, endsLoop, RuntimeError } from '../errors/errors'
import { ExceptionGroup } from '../errors/exception_group'
import type { Branch } from '../future/branch'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { takeBranch } from '../future/stepping'
import { FutureState } from '../future/waiter'
import { isGenerator } from '../future/yielded'
import type { Coro, ResultOf } from '../task/coroutine'
import { currentTask } from '../task/current'
import type { TaskOptions } from '../task/options'
import type { Task } from '../task/task'
import { type Body, runBody } from './body'

/**
 * OPEN: takes tasks. ENDING: the body is over. ABORTING: all are cancelled. FINISHED: all are done.
 */
const State = { OPEN: 0, ENDING: 1, ABORTING: 2, FINISHED: 3 } as const
type State = (typeof State)[keyof typeof State]

const NO_ERROR: unique symbol = Symbol('no error')

/** The tasks of one `taskGroup`. */
export class TaskGroup {
  private state: State = State.OPEN
  private readonly tasks = new Set<Task<unknown>>()
  private readonly errors: unknown[] = []
  /** A KeyboardInterrupt or SystemExit: thrown alone, not in a group. */
  private loopEnd: unknown = NO_ERROR
  private parentCancelRequested = false
  private allDone: Future<void> | null = null

  /** What its body runs in; null: the main line of the parent. */
  private readonly branch: Branch | null

  /** @internal */
  constructor(private readonly parent: Task<unknown>) {
    this.branch = takeBranch(parent)
  }

  /**
   * Starts a task that the group waits for. Throws RuntimeError when the group is ending; the
   * coroutine never runs then.
   */
  createTask<T>(coro: Coro<T>, options?: TaskOptions): Task<T>
  createTask<C extends Coro<unknown>>(coro: C, options?: TaskOptions): Task<ResultOf<C>>
  createTask<T>(coro: Coro<T>, options?: TaskOptions): Task<T> {
    const bodyIsOver = this.state === State.ENDING && this.tasks.size === 0
    if (this.state >= State.ABORTING || bodyIsOver) {
      if (isGenerator(coro)) coro.return(undefined)
      const what = this.state === State.ABORTING ? 'shutting down' : 'finished'
      throw new RuntimeError(`the task group is ${what}: no task can be added`, 'ERR_GROUP_ENDED')
    }
    const task = this.parent._loop.createTask(coro, options)
    if (task.done()) this.taskDone(task)
    else {
      this.tasks.add(task)
      task._onDone(this.taskDone as (task: Future<T>) => void)
    }
    return task
  }

  /**
   * Cancels every task of the group and its body; the group then ends without an error of its own.
   */
  cancel(reason?: unknown): void {
    if (this.state >= State.ABORTING) return
    this.abort(reason)
    this.parentCancelRequested = true
    this.parent._cancelBranch(this.branch, reason)
  }

  [inspect.custom](): string {
    const parts = ['TaskGroup']
    if (this.tasks.size > 0) parts.push(`tasks=${this.tasks.size}`)
    if (this.errors.length > 0) parts.push(`errors=${this.errors.length}`)
    parts.push(this.state === State.ABORTING ? 'cancelling' : 'entered')
    return `<${parts.join(' ')}>`
  }

  /** @internal Waits for the tasks. Returns the error to throw, or NO_ERROR. */
  *end(bodyError: unknown): Generator<Future<unknown>, unknown, unknown> {
    const bodyFailed = bodyError !== NO_ERROR
    let cancellation: unknown = bodyError instanceof CancelledError ? bodyError : NO_ERROR
    if (this.state === State.OPEN) this.state = State.ENDING
    if (bodyFailed && endsLoop(bodyError) && this.loopEnd === NO_ERROR) this.loopEnd = bodyError
    if (bodyFailed && this.state !== State.ABORTING) this.abort()
    while (this.tasks.size > 0) {
      this.allDone ??= new Future<void>(this.parent._loop)
      try {
        yield* this.allDone
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error
        if (this.state !== State.ABORTING) {
          cancellation = error
          this.abort()
        }
      }
      this.allDone = null
    }
    this.state = State.FINISHED
    if (this.loopEnd !== NO_ERROR) return this.loopEnd
    if (this.parentCancelRequested && this.parent.uncancel() === 0) cancellation = NO_ERROR
    if (cancellation !== NO_ERROR && this.errors.length === 0) return cancellation
    if (bodyFailed && !(bodyError instanceof CancelledError)) this.errors.push(bodyError)
    return this.errors.length === 0 ? NO_ERROR : this.groupOfErrors()
  }

  private groupOfErrors(): ExceptionGroup {
    // A cancellation from outside is kept: the next wait of the parent is interrupted.
    if (this.parent.cancelling() > 0) this.parent._cancelAgain(this.branch)
    return new ExceptionGroup('unhandled errors in a TaskGroup', this.errors)
  }

  private abort(reason?: unknown): void {
    this.state = State.ABORTING
    for (const task of this.tasks) {
      if (!task.done()) task.cancel(reason)
    }
  }

  private readonly taskDone = (future: Future<unknown>): void => {
    const task = future as Task<unknown>
    this.tasks.delete(task)
    if (this.allDone !== null && this.tasks.size === 0 && !this.allDone.done()) {
      this.allDone.setResult(undefined)
    }
    if (task._state !== FutureState.EXCEPTION) return
    const error = task.exception()
    this.errors.push(error)
    if (endsLoop(error) && this.loopEnd === NO_ERROR) this.loopEnd = error
    if (this.parent.done()) {
      this.parent._loop.callExceptionHandler({
        message: 'A task of a group failed when the parent task was already done',
        exception: error,
        task,
      })
      return
    }
    if (this.state !== State.ABORTING && !this.parentCancelRequested) {
      this.abort()
      this.parentCancelRequested = true
      this.parent._cancelBranch(this.branch)
    }
  }
}

/**
 * Runs `body` in the current task with a group to which it adds tasks, and waits for all of them.
 * When one fails, the others and the body are cancelled, all end, and an ExceptionGroup with every
 * error is thrown.
 */
export function taskGroup<T>(body: Body<TaskGroup, T>): Operation<T> {
  checkFunction('body', body)
  return new GeneratorOperation('taskGroup', () => runGroup(body))
}

function* runGroup<T>(body: Body<TaskGroup, T>): Generator<Future<unknown>, T, unknown> {
  const parent = currentTask()
  if (parent === null) {
    const remedy = 'call it in a coroutine, or wrap it in createTask'
    const message = `taskGroup() should be used inside a task: ${remedy}`
    throw new RuntimeError(message, 'ERR_OUTSIDE_TASK')
  }
  const group = new TaskGroup(parent)
  let result: T | undefined
  let bodyError: unknown = NO_ERROR
  try {
    result = yield* runBody(body, group)
  } catch (error) {
    bodyError = error
  }
  const error = yield* group.end(bodyError)
  if (error !== NO_ERROR) throw error
  return result as T
}
