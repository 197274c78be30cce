// What can be run as a task: generators, async functions, promises, futures, operations.

import { invalidType } from '../errors/arguments'
import { type Future, isFuture } from '../future/future'
import { Operation } from '../future/operation'
import { isThenable } from '../future/thenable'
import { isGenerator } from '../future/yielded'

/** A generator object whose body waits with `yield*`. It starts with the task it is given to. */
// biome-ignore lint/suspicious/noExplicitAny: what `yield*` is resumed with is not the user's affair
export type Coroutine<T> = Generator<Future<unknown>, T, any>

/** What can be waited for. */
export type Awaitable<T> = Future<T> | Coroutine<T> | PromiseLike<T>

/** A generator function, an async function, or one that returns what can be waited for. */
export type CoroutineFunction<A extends readonly unknown[], T> = (
  ...args: A
) => Coroutine<T> | PromiseLike<T>

/** What createTask, gather, wait … accept. */
export type Coro<T> = Awaitable<T> | Operation<T> | CoroutineFunction<[], T>

/** What a Coro gives. */
export type ResultOf<C> = C extends (...args: never[]) => infer R
  ? ResultOf<R>
  : C extends Future<infer T>
    ? T
    : C extends Generator<unknown, infer T, never>
      ? T
      : C extends PromiseLike<infer T>
        ? T
        : never

/** Whether `x` can be run as a task. */
export function isCoro(x: unknown): boolean {
  return typeof x === 'function' || isGenerator(x) || isThenable(x)
}

/** Throws TypeError if `x` cannot be run as a task. */
export function checkCoro(name: string, x: unknown): void {
  if (isCoro(x)) return
  const expected =
    'a coroutine: a generator object, a promise, a future, or a function that gives one of these'
  throw invalidType(name, expected, x)
}

/** Whether calling `x` certainly runs none of its body: a generator function. */
export function isGeneratorFunction(x: unknown): boolean {
  const tag = (x as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  return tag === 'GeneratorFunction'
}

/**
 * What to step for something that was given, or that a function returned; null for a promise, which
 * runs by itself. `given` says where it came from, for the TypeError if it is none of these.
 */
export function stepsOf<T>(
  x: unknown,
  given: string,
): Iterator<Future<unknown>, T, unknown> | null {
  if (isFuture(x) || x instanceof Operation) return (x as Future<T>)[Symbol.iterator]()
  if (isGenerator(x)) return x as Coroutine<T>
  if (isThenable(x)) return null
  throw invalidType('coro', `a coroutine (${given})`, x)
}

/**
 * What was given, each awaitable once. A function stands for a new run each time it is given.
 */
export function distinct<C extends Coro<unknown>>(coros: Iterable<C>): C[] {
  const iterator = (coros as Partial<Iterable<C>> | null | undefined)?.[Symbol.iterator]
  if (typeof iterator !== 'function' || isFuture(coros) || isGenerator(coros)) {
    throw invalidType('coros', 'an iterable of futures or coroutines', coros)
  }
  const seen = new Set<unknown>()
  const all: C[] = []
  for (const coro of coros) {
    if (seen.has(coro)) continue
    if (typeof coro !== 'function') seen.add(coro)
    all.push(coro)
  }
  return all
}
