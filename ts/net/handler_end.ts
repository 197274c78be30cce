// What is done when the handler of a connection has ended: an error is reported, and then the
// connection closed.

import { isCancelled } from '../errors/errors'
import { FutureState } from '../future/waiter'
import type { Runnable } from '../loop/handle'
import type { Task } from '../task/task'
import type { Transport } from './protocol'

/** Who knows the transport that the handler used last. */
interface Served {
  readonly transport: Transport
}

export class HandlerEnd implements Runnable {
  constructor(
    private readonly task: Task<void>,
    private readonly served: Served,
  ) {}

  run(): void {
    const { task, served } = this
    if (task._state === FutureState.RESULT) return
    try {
      if (!task.cancelled()) this.report(task.exception())
      served.transport.close()
    } catch (error) {
      const message = 'Exception when the handler of a connection ended'
      task._loop._callbackFailed(error, message, { task, transport: served.transport })
    }
  }

  private report(exception: unknown): void {
    if (isCancelled(exception)) return
    this.task._loop.callExceptionHandler({
      message: 'Unhandled exception in the handler of a connection',
      exception,
      transport: this.served.transport,
      task: this.task,
    })
  }
}
