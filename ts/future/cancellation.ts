// A cancellation, before it becomes an error: most are caught and looked at by nobody, and an error
// with its stack is a hundred times as dear as this.

import { CancelledError } from '../errors/errors'
import { withoutStack } from '../errors/stackless'

/** A future, as far as it decides whether a cancellation has a stack. */
interface Debuggable {
  readonly _loop?: { getDebug(): boolean }
}

export class Cancellation {
  /** The error that a cancelled task ended with. */
  private error: CancelledError | null

  constructor(
    /** What was passed to `cancel(reason)`. */
    readonly reason: unknown,
    /** The future or task on which `cancel()` was called first. */
    readonly origin: object,
    error: CancelledError | null = null,
  ) {
    this.error = error
  }

  /**
   * The error for one who waits. As in asyncio, the error that a task ended with goes to the first
   * who asks; later ones get one of their own.
   */
  takeError(): CancelledError {
    const { error } = this
    this.error = null
    return error ?? makeCancelledError(this.reason, this.origin)
  }

  /**
   * The error for who collects outcomes. asyncio's gather makes one with the future's own reason,
   * which is not always that of the error a task ended with; where it is, that error serves.
   */
  takeOutcome(): CancelledError {
    const isOther = this.error !== null && this.error.reason !== this.reason
    return isOther ? makeCancelledError(this.reason, this.origin) : this.takeError()
  }
}

/**
 * The error of a cancellation that is delivered. It has a stack in debug mode only: cancelling a
 * hundred thousand tasks would take most of its time to capture what is hardly ever looked at.
 */
export function makeCancelledError(reason: unknown, origin: object): CancelledError {
  const make = () => new CancelledError(reason, origin)
  return (origin as Debuggable)._loop?.getDebug() === true ? make() : withoutStack(make)
}
