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
  /** One an argument; the same future stands twice where the same argument was given twice. */
  private readonly children: (Future<unknown> | null)[]
  private readonly distinct: Future<unknown>[] = []
  private readonly waiting: Coro<unknown>[]
  private readonly positions = new Map<unknown, number[]>()
  private remaining: number
  private cancelRequested = false

  constructor(
    loop: EventLoop,
    coros: readonly Coro<unknown>[],
    private readonly returnExceptions: boolean,
    private readonly limit: number,
  ) {
    super(loop)
    this.children = new Array<Future<unknown> | null>(coros.length).fill(null)
    coros.forEach((coro, index) => {
      const positions = this.positions.get(coro)
      if (positions === undefined) this.positions.set(coro, [index])
      else positions.push(index)
    })
    this.waiting = [...this.positions.keys()].reverse() as Coro<unknown>[]
    this.remaining = this.waiting.length
    this.startSome()
  }

  /** Starts as many as the limit allows. Those that are done already count at the end. */
  private startSome(): void {
    const done: Future<unknown>[] = []
    while (this.waiting.length > 0 && this.runningCount() < this.limit) {
      const coro = this.waiting.pop() as Coro<unknown>
      const child = ensureFuture(coro, { loop: this._loop })
      for (const position of this.positions.get(coro) as number[]) this.children[position] = child
      this.distinct.push(child)
      if (child.done()) done.push(child)
      else child._onDone((future) => this.childDone(future))
    }
    for (const child of done) this.childDone(child)
  }

  private runningCount(): number {
    return this.remaining - this.waiting.length
  }

  private childDone(child: Future<unknown>): void {
    this.remaining--
    if (this._state !== FutureState.PENDING) {
      child._markRetrieved()
      return
    }
    if (!this.returnExceptions && child._state !== FutureState.RESULT) {
      if (child.cancelled()) this.setException(child._makeCancelledError())
      else this.setException(child.exception())
      return
    }
    if (this.waiting.length > 0 && !this.cancelRequested) this.startSome()
    else if (this.runningCount() === 0) this.complete(child)
  }

  private complete(last: Future<unknown>): void {
    if (this.cancelRequested) {
      // Whoever cancelled a gather gets a CancelledError, whatever became of the children.
      const error = last.cancelled()
        ? last._makeCancelledError()
        : new CancelledError(undefined, this)
      this.setException(error)
      return
    }
    this.setResult(this.children.map((child) => outcomeOf(child as Future<unknown>)))
  }

  /** Cancels every child. The gather itself ends when they have. */
  override _cancelFrom(reason: unknown, origin: object): boolean {
    if (this._state !== FutureState.PENDING) return false
    let reached = this.waiting.length > 0
    for (const child of this.distinct) {
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
 * What is given twice runs once. `gather()` of nothing resolves to [].
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
    return { coros: [...(first as Iterable<Coro<unknown>>)], options: (second ?? {}) as GatherOptions }
  }
  return { coros: given as Coro<unknown>[], options: {} }
}
