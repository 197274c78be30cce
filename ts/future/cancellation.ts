// A cancellation, before it becomes an error: most are caught and looked at by nobody, and an error
// with its stack is a hundred times as dear as this.

import { CancelledError } from '../errors/errors'
import { allowStacks, forbidStacks } from '../errors/stackless'

/** A future, as far as it decides whether a cancellation has a stack. */
interface Debuggable {
  readonly _loop?: { getDebug(): boolean }
}

export class Cancellation {
  constructor(
    /** What was passed to `cancel(reason)`. */
    readonly reason: unknown,
    /** The future or task on which `cancel()` was called first; null: the one that holds this. */
    readonly origin: object | null,
  ) {}

  /** A new error for one who waits for `holder`. */
  makeError(holder: object): CancelledError {
    return makeCancelledError(this.reason, this.origin ?? holder)
  }
}

/** Of many tasks, which so need not have one each. */
const OWN = new Cancellation(undefined, null)

/**
 * What a cancelled future holds: the cancellation; or the error that a task ended with, until somebody
 * takes it.
 */
export type Cancelled = Cancellation | CancelledError

/**
 * What is left when somebody has taken the error that a task ended with. Later ones get an error of
 * their own, without its reason (asyncio forgets it there too).
 */
export function afterTaking(error: CancelledError, holder: object): Cancellation {
  const { origin } = error
  return origin === null || origin === holder ? OWN : new Cancellation(undefined, origin)
}

/**
 * The error of a cancellation that is delivered. It has a stack in debug mode only: cancelling a
 * hundred thousand tasks would take most of its time to capture what is hardly ever looked at.
 */
export function makeCancelledError(reason: unknown, origin: object): CancelledError {
  if ((origin as Debuggable)._loop?.getDebug() === true) return new CancelledError(reason, origin)
  const limit = forbidStacks()
  try {
    return new CancelledError(reason, origin)
  } finally {
    allowStacks(limit)
  }
}
