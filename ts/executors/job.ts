// What a running job knows of itself, in its worker: `this` of a function that was sent, and
// currentJob() in modules.

import { AsyncLocalStorage } from 'node:async_hooks'
import { RuntimeError } from '../errors/errors'

/** How a worker hears that a job was cancelled. */
export interface CancelWatch {
  /** Whether it was cancelled, as far as can be known without giving way. */
  isCancelled(): boolean
  /** Calls `listener` when it is cancelled, at once if it was. */
  onCancel(listener: () => void): void
}

export class Job {
  private controller: AbortController | null = null

  /** @internal */
  constructor(private readonly watch: CancelWatch) {}

  /**
   * Aborted when the job's future is cancelled. For what takes an AbortSignal, and for functions that
   * give way: a signal is heard between two steps of an async function.
   */
  get signal(): AbortSignal {
    if (this.controller === null) {
      const controller = new AbortController()
      this.controller = controller
      this.watch.onCancel(() => controller.abort())
    }
    return this.controller.signal
  }

  /**
   * Whether the job's future was cancelled. In a thread it can be asked in the midst of a loop that
   * never gives way; in a process it is known once the function has given way.
   */
  get cancelled(): boolean {
    return this.watch.isCancelled()
  }
}

const jobs = new AsyncLocalStorage<Job>()

/** The job whose function is running. Throws RuntimeError outside of workers. */
export function currentJob(): Job {
  const job = jobs.getStore()
  if (job === undefined) {
    throw new RuntimeError('currentJob() is for code that a worker runs', 'ERR_NO_JOB')
  }
  return job
}

/** @internal Calls `body` as a part of `job`. */
export function callInJob<T>(job: Job, body: () => T): T {
  return jobs.run(job, body)
}
