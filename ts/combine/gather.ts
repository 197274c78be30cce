// gather: many at once, all results in order. See gathering.ts for what happens then.

import { checkInteger, checkObject, checkSwitch, invalidType } from '../errors/arguments'
import { Future, isFuture } from '../future/future'
import { isGenerator } from '../future/yielded'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { admitLater } from '../task/admit'
import type { Coro, ResultOf } from '../task/coroutine'
import { ChildKind, kindsOf } from './child_kind'
import { Gathering } from './gathering'

export interface GatherOptions {
  /** Give errors and cancellations as values instead of throwing the first. */
  returnExceptions?: boolean
  /** How many may run at a time; the others start, in order, as places become free. */
  limit?: number
}

/** The results of a tuple of Coros. */
export type Results<A extends readonly unknown[]> = { -readonly [I in keyof A]: ResultOf<A[I]> }

/** With returnExceptions, an error may stand where a result would. */
export type Outcomes<A extends readonly unknown[]> = {
  -readonly [I in keyof A]: ResultOf<A[I]> | Error
}

/**
 * Runs coroutines at once and waits for all. Resolves to their results, in the order of the
 * arguments. The first error is thrown to who waits; the others run on. Cancelling the gather
 * cancels them all. An awaitable that is given twice runs once; a function is called each time it
 * is given. `gather()` of nothing resolves to [].
 */
export function gather<const A extends readonly Coro<unknown>[]>(...coros: A): Future<Results<A>>
export function gather<const A extends readonly Coro<unknown>[]>(
  coros: A,
  options: GatherOptions & { returnExceptions: true },
): Future<Outcomes<A>>
export function gather<const A extends readonly Coro<unknown>[]>(
  coros: A,
  options?: GatherOptions,
): Future<Results<A>>
export function gather(...given: unknown[]): Future<unknown[]> {
  const { coros, options } = splitArguments(given)
  const { returnExceptions = false, limit = Infinity } = options
  checkSwitch('options.returnExceptions', returnExceptions)
  if (limit !== Infinity) checkInteger('options.limit', limit, 1)
  // Everything is checked before anything starts, so that an error leaves nothing running.
  const { kinds, startable } = kindsOf(coros)
  const first = coros[kinds.indexOf(ChildKind.FUTURE)] as Future<unknown> | undefined
  const loop = first === undefined ? schedulingLoop() : first._loop
  if (coros.length === 0) {
    const empty = new Future<unknown[]>(loop)
    empty.setResult([])
    return empty
  }
  if (startable < coros.length) checkLoops(loop, coros, kinds)
  const isFamily = loop._admission !== null && admitLater(loop, coros)
  return new Gathering(loop, coros, kinds, startable, returnExceptions, limit, isFamily)
}

function splitArguments(given: unknown[]): { coros: Coro<unknown>[]; options: GatherOptions } {
  const [first, second] = given
  const isList = Array.isArray(first) || isIterable(first)
  if (!isList) return { coros: given as Coro<unknown>[], options: {} }
  if (second !== undefined) checkObject('options', second)
  // A list of its own: the caller may change his while the children run.
  return {
    coros: [...(first as Iterable<Coro<unknown>>)],
    options: (second ?? {}) as GatherOptions,
  }
}

/** Throws TypeError for a future of another loop. */
function checkLoops(loop: EventLoop, coros: readonly unknown[], kinds: Uint8Array): void {
  for (let index = 0; index < coros.length; index++) {
    if (kinds[index] !== ChildKind.FUTURE || (coros[index] as Future)._loop === loop) continue
    throw invalidType(`coros[${index}]`, 'a future of the same loop as those before', coros[index])
  }
}

/** Whether this is a list of coroutines, and not one of them. */
function isIterable(x: unknown): boolean {
  const isIterable = typeof x === 'object' && x !== null && Symbol.iterator in x
  return isIterable && !isFuture(x) && !isGenerator(x) && !('then' in x)
}
