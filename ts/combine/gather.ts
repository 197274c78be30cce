// gather: many at once, all results in order. The order of events is asyncio's gather, step by step.

import { checkInteger, invalidType } from '../errors/arguments'
import { CancelledError } from '../errors/errors'
import { Future, isFuture } from '../future/future'
import { FutureState } from '../future/waiter'
import { isGenerator } from '../future/yielded'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import type { Coro } from '../task/coroutine'
import { checkCoro } from '../task/coroutine'
import { ensureFuture } from '../task/create'
import { Task } from '../task/task'

export interface GatherOptions {
  /** Give errors and cancellations as values instead of throwing the first. */
  returnExceptions?: boolean
  /** How many may run at a time; the others start, in order, as places become free. */
  limit?: number
}

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

/** The results of a tuple of Coros. */
export type Results<A extends readonly unknown[]> = { -readonly [I in keyof A]: ResultOf<A[I]> }

/** With returnExceptions, an error may stand where a result would. */
export type Outcomes<A extends readonly unknown[]> = {
  -readonly [I in keyof A]: ResultOf<A[I]> | Error
}

class Gathering extends Future<unknown[]> {
  /** One an argument; the same future stands twice where the same awaitable was given twice. */
  private readonly children: Future<unknown>[] = []
  /** The future of each awaitable, so that none runs twice. Functions make a new one at each call. */
  private readonly known = new Map<unknown, Future<unknown>>()
  private running = 0
  private cancelRequested = false

  constructor(
    loop: EventLoop,
    private readonly coros: readonly Coro<unknown>[],
    private readonly returnExceptions: boolean,
    private readonly limit: number,
  ) {
    super(loop)
    this.startSome()
  }

  private hasMore(): boolean {
    return this.children.length < this.coros.length
  }

  /** Starts as many as the limit allows. Those that are done already count at the end. */
  private startSome(): void {
    const done: Future<unknown>[] = []
    while (this.hasMore() && this.running < this.limit) {
      const coro = this.coros[this.children.length] as Coro<unknown>
      const known = this.known.get(coro)
      if (known !== undefined) {
        this.children.push(known)
        continue
      }
      const child = ensureFuture(coro, { loop: this._loop })
      if (typeof coro !== 'function') this.known.set(coro, child)
      this.children.push(child)
      this.running++
      if (child.done()) done.push(child)
      else child._onDone(this.childDone)
    }
    for (const child of done) this.childDone(child)
  }

  private readonly childDone = (child: Future<unknown>): void => {
    this.running--
    if (this._state !== FutureState.PENDING) {
      child._markRetrieved()
      return
    }
    if (!this.returnExceptions && child._state !== FutureState.RESULT) {
      if (child.cancelled()) this.setException(child._makeCancelledError())
      else this.setException(child.exception())
      return
    }
    if (this.hasMore() && !this.cancelRequested) this.startSome()
    else if (this.running === 0) this.complete()
  }

  private complete(): void {
    const children = this.children.filter((child) => child !== null)
    if (this.cancelRequested) {
      // Whoever cancelled a gather gets a CancelledError, whatever became of the children. asyncio
      // takes that of the last argument, or one with the reason that this was last cancelled with.
      const last = children[children.length - 1] as Future<unknown>
      const reason = last instanceof Task ? last._cancelReason : undefined
      this.setException(
        last.cancelled() ? last._makeCancelledError() : new CancelledError(reason, this),
      )
      return
    }
    this.setResult(children.map(outcomeOf))
  }

  /** Cancels every child, as often as it was given. The gather itself ends when they have. */
  override _cancelFrom(reason: unknown, origin: object): boolean {
    if (this._state !== FutureState.PENDING) return false
    let reached = false
    for (const child of this.children) {
      if (child._cancelFrom(reason, origin)) reached = true
    }
    if (reached) this.cancelRequested = true
    return reached
  }
}

function outcomeOf(child: Future<unknown>): unknown {
  if (child._state === FutureState.RESULT) return child._value
  if (child._state === FutureState.CANCELLED) {
    return new CancelledError(child._value, child._origin ?? child)
  }
  return child.exception()
}

/**
 * Runs coroutines at once and waits for all. Resolves to their results, in the order of the arguments.
 * The first error is thrown to who waits; the others run on. Cancelling the gather cancels them all.
 * An awaitable that is given twice runs once; a function is called each time it is given. `gather()`
 * of nothing resolves to [].
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
  if (limit !== Infinity) checkInteger('options.limit', limit, 1)
  // Everything is checked before anything starts, so that an error leaves nothing running.
  coros.forEach((coro, index) => {
    checkCoro(`coros[${index}]`, coro)
  })
  const first = coros.find(isFuture)
  const loop = first === undefined ? schedulingLoop() : first._loop
  if (coros.length === 0) {
    const empty = new Future<unknown[]>(loop)
    empty.setResult([])
    return empty
  }
  return new Gathering(loop, coros, Boolean(returnExceptions), limit)
}

function splitArguments(given: unknown[]): { coros: Coro<unknown>[]; options: GatherOptions } {
  const [first, second] = given
  if (Array.isArray(first)) {
    if (second !== undefined && (typeof second !== 'object' || second === null)) {
      throw invalidType('options', 'an object', second)
    }
    return { coros: first as Coro<unknown>[], options: (second ?? {}) as GatherOptions }
  }
  const isList = typeof first === 'object' && first !== null && Symbol.iterator in first
  if (isList && !isFuture(first) && !isGenerator(first) && !('then' in first)) {
    return {
      coros: [...(first as Iterable<Coro<unknown>>)],
      options: (second ?? {}) as GatherOptions,
    }
  }
  return { coros: given as Coro<unknown>[], options: {} }
}
