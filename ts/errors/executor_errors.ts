// What goes wrong between a program and its workers. What a job itself throws comes back as itself;
// these are about jobs that never ran or never ended.

import { GyreError, RuntimeError } from './errors'

/** Something cannot go to a worker, or come back: a function or a value. The message says what. */
export class NotSendableError extends GyreError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_NOT_SENDABLE', options)
  }
}

/** The module of a job is not there, does not load, or does not export such a function. */
export class JobModuleError extends GyreError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_JOB_MODULE', options)
  }
}

/** The worker ended while it ran the job. Another takes its place; the job is not repeated. */
export class WorkerDiedError extends GyreError {
  /** With what the worker exited; null where a signal or V8 ended it. */
  readonly exitCode: number | null
  /** The signal that ended the process; null where there was none. */
  readonly signal: NodeJS.Signals | null

  constructor(
    message: string,
    exitCode: number | null,
    signal: NodeJS.Signals | null,
    options?: ErrorOptions,
  ) {
    super(message, 'ERR_WORKER_DIED', options)
    this.exitCode = exitCode
    this.signal = signal
  }
}

/** The initializer of the executor failed in a worker: no job can run any more. */
export class BrokenExecutorError extends RuntimeError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_EXECUTOR_BROKEN', options)
  }
}

/** Redis is not there, or went away. What was submitted before may have run, or may run yet. */
export class QueueConnectionError extends GyreError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 'ERR_QUEUE_CONNECTION', options)
  }
}
