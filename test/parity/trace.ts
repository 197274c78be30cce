// The lines of a trace, in the form that oracle/trace.py gives them.
//
// `time who mark op detail`: who is a coroutine's instance (c2.1 is the first instance of coroutine 2),
// a callback (k0) or the loop; mark is > before and < after a statement that may wait, = after one that
// cannot, x where an error leaves it.

import {
  CancelledError,
  ExceptionGroup,
  type Future,
  GyreError,
  InvalidStateError,
  isFuture,
  RuntimeError,
  Task,
} from 'gyre'

/** Results of results of results: deeper ones are not written out. */
const depthMax = 3

/** What the programs raise themselves. */
export class AppError extends Error {}

export function describeError(error: unknown, depth = 0): string {
  if (error instanceof AppError) return `AppError(${error.message})`
  if (error instanceof CancelledError) return `CancelledError(${error.reason ?? ''})`
  if (error instanceof ExceptionGroup) {
    if (depth === depthMax) return 'ExceptionGroup[...]'
    return `ExceptionGroup[${error.errors.map((e) => describeError(e, depth + 1)).join()}]`
  }
  if (error instanceof InvalidStateError) return 'InvalidStateError'
  if (isMisuse(error)) return 'Misuse'
  if (error instanceof GyreError) return error.constructor.name
  // An error of the interpreter's own, which is not in any recorded trace.
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/**
 * Misuse is RuntimeError, ValueError or TypeError in asyncio; in Gyre it is a RuntimeError too, or Node's
 * errors for bad arguments. Which one it is is checked by other tests.
 */
function isMisuse(error: unknown): boolean {
  if (error instanceof RuntimeError) return error.constructor.name !== 'BrokenBarrierError'
  return (error instanceof TypeError || error instanceof RangeError) && 'code' in error
}

export function describe(value: unknown, depth = 0): string {
  if (value === undefined || value === null) return 'null'
  if (value instanceof Error) return describeError(value, depth)
  if (Array.isArray(value)) {
    if (depth === depthMax) return '[...]'
    return `[${value.map((item) => describe(item, depth + 1)).join()}]`
  }
  return String(value)
}

export function describeFuture(future: Future<unknown>): string {
  let text: string
  if (!future.done()) text = 'pending'
  else if (future.cancelled()) text = 'cancelled'
  else if (future.exception() !== null) text = `failed ${describeError(future.exception())}`
  else text = `finished ${describe(future.result())}`
  return future instanceof Task ? `${text} cancelling ${future.cancelling()}` : text
}

/** A value for a line: futures do not occur in results. */
export function describeResult(value: unknown): string {
  return isFuture(value) ? describeFuture(value) : describe(value)
}

export class Trace {
  readonly lines: string[] = []

  constructor(private readonly now: () => number) {}

  log(who: string, text: string): void {
    this.lines.push(`${this.now()} ${who} ${text}`)
  }
}
