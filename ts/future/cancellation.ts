// A cancellation, before it becomes an error: most are caught and looked at by nobody, and an error
// with its stack is a hundred times as dear as this.

import { CancelledError } from '../errors/errors'

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
    return error ?? new CancelledError(this.reason, this.origin)
  }
}
