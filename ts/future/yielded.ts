// What a coroutine may yield, and what is said when it yields something else.

import { brief } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import { coroutineInUse, IN_USE } from './coroutine_in_use'
import { isFuture } from './future'
import { isThenable } from './thenable'

/** The error for `yield x` where only `yield* x` works. Throws one if the generator is another task's. */
export function badYield(value: unknown): RuntimeError {
  if (value === IN_USE) throw coroutineInUse()
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

/** That of every generator object. */
const GENERATOR_THROW = Object.getPrototypeOf(function* () {}).prototype.throw

/** A generator object, or an iterator that can stand for one. An async generator cannot. */
export function isGenerator(x: unknown): x is Generator<never, unknown, unknown> {
  if (typeof x !== 'object' || x === null) return false
  const { next, throw: raise } = x as { next?: unknown; throw?: unknown }
  if (typeof next !== 'function' || typeof raise !== 'function') return false
  return raise === GENERATOR_THROW || !(Symbol.asyncIterator in x)
}
