// How a block ends, and what a try statement catches: the same for both styles of coroutines.

import { CancelledError, KeyboardInterrupt } from 'gyre'
import type { Catches } from './program.js'
import { AppError } from './trace.js'

/** The block has executed a return statement. */
export class Returned {
  constructor(readonly value: number) {}
}

/** Whether the clause catches the error; Python's `except Exception` lets CancelledError pass. */
export function catchesError(catches: Catches | null, error: unknown): boolean {
  if (error instanceof KeyboardInterrupt) return false
  switch (catches) {
    case 'cancelled':
      return error instanceof CancelledError
    case 'app':
      return error instanceof AppError
    case 'exception':
      return !(error instanceof CancelledError)
    case 'all':
      return true
    default:
      return false
  }
}
