// asCompleted: results in the order in which they come.

import { inspect } from 'node:util'
import type { TimerTarget } from '../backend/timer_table'
import { checkMilliseconds, checkObject } from '../errors/arguments'
import { TimeoutError } from '../errors/errors'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { IDLE } from '../loop/timers'
import type { Coro, ResultOf } from '../task/coroutine'
import { checkCoro, distinct } from '../task/coroutine'
import { ensureFuture } from '../task/create'

export interface AsCompletedOptions {
  /** Milliseconds after which waiting for the next one throws TimeoutError. */
  timeout?: number | null | undefined
}

/**
 * Iterates with `for…of`, giving operations to `yield*`, or with `for await…of`, giving futures.
 */
export class CompletionOrder<T> implements TimerTarget {
  private readonly loop: EventLoop = schedulingLoop()
  private readonly todo: Set<Future<T>>
  private left: number
  /** Done and not yet asked for; null stands for the timeout. */
  private readonly arrived: (Future<T> | null)[] = []
  private readonly getters: Future<void>[] = []
  /** @internal */ _slot = IDLE

  /** @internal */
  constructor(coros: readonly Coro<T>[], timeoutMs: number | null) {
    this.todo = new Set(coros.map((coro) => ensureFuture(coro, { loop: this.loop })))
    this.left = this.todo.size
    for (const future of this.todo) future._onDone(this.completed)
    if (timeoutMs !== null && this.left > 0) {
      if (timeoutMs <= 0) this.loop._timersOverdue()
      this.loop._timers.armIn(this, timeoutMs)
    }
  }

  [Symbol.iterator](): Iterator<Operation<T>> {
    return {
      next: () => {
        if (this.left === 0) return { value: undefined, done: true }
        this.left--
        return {
          value: new GeneratorOperation<T>('asCompleted', () => this.nextResult()),
          done: false,
        }
      },
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Future<T>> {
    return {
      next: async () => {
        if (this.left === 0) return { value: undefined, done: true }
        this.left--
        const value = await new GeneratorOperation<[Future<T>]>(
          'asCompleted',
          this.boxedArrival.bind(this),
        )
        return { value: value[0], done: false }
      },
    }
  }

  /** @internal */
  [inspect.custom](): string {
    return `<asCompleted pending=${this.todo.size} arrived=${this.arrived.length}>`
  }

  /** @internal The time is over. */
  timerFired(): void {
    for (const future of this.todo) future.removeDoneCallback(this.completed)
    for (let count = this.todo.size; count > 0; count--) this.put(null)
    this.todo.clear()
  }

  private readonly completed = (future: Future<T>): void => {
    if (!this.todo.delete(future)) return
    this.put(future)
    if (this.todo.size === 0) {
      this.loop._timers.cancel(this)
    }
  }

  private put(arrival: Future<T> | null): void {
    this.arrived.push(arrival)
    this.wakeNext()
  }

  private wakeNext(): void {
    for (;;) {
      const getter = this.getters.shift()
      if (getter === undefined) return
      if (getter.done()) continue
      getter.setResult(undefined)
      return
    }
  }

  private *nextArrival(): Generator<Future<unknown>, Future<T>, unknown> {
    while (this.arrived.length === 0) {
      const getter = new Future<void>(this.loop)
      this.getters.push(getter)
      try {
        yield* getter
      } catch (error) {
        getter.cancel()
        const index = this.getters.indexOf(getter)
        if (index >= 0) this.getters.splice(index, 1)
        // What woke this one must wake another, or an arrival would be lost.
        if (this.arrived.length > 0 && !getter.cancelled()) this.wakeNext()
        throw error
      }
    }
    const future = this.arrived.shift() as Future<T> | null
    if (future === null) throw new TimeoutError()
    return future
  }

  private *nextResult(): Generator<Future<unknown>, T, unknown> {
    return (yield* this.nextArrival()).result()
  }

  /** A future in a box: `await` would open it otherwise. */
  private *boxedArrival(): Generator<Future<unknown>, [Future<T>], unknown> {
    return [yield* this.nextArrival()]
  }
}

/**
 * Runs coroutines at once and gives them as they complete. `for (const next of asCompleted(all))
 * { const result = yield* next }` in any coroutine; `for await (const future of asCompleted(all))`
 * in async functions gives the futures themselves, done.
 */
export function asCompleted<C extends Coro<unknown>>(
  coros: Iterable<C>,
  options: AsCompletedOptions = {},
): CompletionOrder<ResultOf<C>> {
  checkObject('options', options)
  const { timeout = null } = options
  if (timeout !== null) checkMilliseconds('options.timeout', timeout)
  const all = distinct(coros)
  for (const coro of all) checkCoro('coros', coro)
  return new CompletionOrder(all as Coro<ResultOf<C>>[], timeout)
}
