// EventLoop.runUntilComplete, and what is said of tasks that are left when a loop closes.

import { endsLoop, RuntimeError } from '../errors/errors'
import { type Future, isFuture } from '../future/future'
import { Operation } from '../future/operation'
import { EventLoop } from '../loop/loop'
import { sourceOf } from '../loop/origins'
import type { Coro } from '../task/coroutine'
import { ensureFuture } from '../task/create'
import { tasksOf } from '../task/current'
import '../task/inspect'

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Runs until `coro` is done and gives its result. Rejects with RuntimeError when `stop` ended
     * the loop before, and when the result is a future that is not done, or an operation.
     */
    runUntilComplete<T>(coro: Coro<T>): Promise<T>
  }
}

EventLoop.prototype.runUntilComplete = async function runUntilComplete<T>(
  this: EventLoop,
  coro: Coro<T>,
): Promise<T> {
  this._checkOpen()
  // Refused before there is a future, whose end would stop the run that is going on.
  if (EventLoop._run !== null || this.isRunning()) await this.runForever()
  const future = ensureFuture(coro, { loop: this })
  const stopLoop = (done: Future<T>) => {
    // An error that ends the loop has ended it already; see Task.
    if (!done.cancelled() && endsLoop(done._value)) return
    this.stop()
  }
  future._onDone(stopLoop)
  try {
    await this.runForever()
  } finally {
    future.removeDoneCallback(stopLoop)
  }
  if (!future.done()) {
    throw new RuntimeError('Event loop stopped before Future completed.', 'ERR_LOOP_STOPPED')
  }
  const result = future.result()
  // A promise of it would wait for what the loop, which stands, can never bring.
  const isUnawaited = isFuture(result) ? !result.done() : result instanceof Operation
  if (isUnawaited) {
    const message = 'the coroutine gave something that nobody waited for: write `return yield* …`'
    throw new RuntimeError(message, 'ERR_RESULT_UNAWAITED')
  }
  return result
}

/** Tasks that are pending when their loop closes can never end: that is worth a word each. */
EventLoop._onClose = (loop) => {
  for (const task of tasksOf(loop)) {
    loop.callExceptionHandler({
      message: 'Task was destroyed but it is pending!',
      task,
      ...sourceOf(task),
    })
  }
}
