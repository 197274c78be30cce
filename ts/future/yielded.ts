// What a coroutine may yield, and what is said when it yields something else.

import { brief } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import { isFuture } from './future'

/** The error for `yield x` where only `yield* x` works. */
export function badYield(value: unknown): RuntimeError {
  if (isFuture(value)) {
    const message = 'yield was used instead of yield* for a future: write `yield* future`'
    return new RuntimeError(message, 'ERR_YIELD_WITHOUT_STAR')
  }
  if (isGenerator(value) || isThenable(value)) {
    const message =
      'yield was used instead of yield* for a coroutine: write `yield* coroutine()`, or ' +
      '`yield* wrap(promise)` for a promise'
    return new RuntimeError(message, 'ERR_YIELD_WITHOUT_STAR')
  }
  return new RuntimeError(`Task got bad yield: ${brief(value)}`, 'ERR_BAD_YIELD')
}

export function isGenerator(x: unknown): x is Generator<never, unknown, unknown> {
  if (typeof x !== 'object' || x === null) return false
  const { next, throw: raise } = x as { next?: unknown; throw?: unknown }
  return typeof next === 'function' && typeof raise === 'function'
}

export function isThenable(x: unknown): x is PromiseLike<unknown> {
  if ((typeof x !== 'object' || x === null) && typeof x !== 'function') return false
  return typeof (x as { then?: unknown }).then === 'function'
}
