// Reading: an operation of StreamReader that waits until what it reads is there.
//
// It is its own iterator, written by hand, as the read is what a connection does most, and where it
// spends its life: a generator would be twice as dear, and hold four times as much while it waits. What
// it does is what this generator would do:
//
//   this.begin()
//   for (let isWoken = false; ; isWoken = true) {
//     const data = this.attempt(isWoken)
//     if (data !== null) return data
//     yield* this.source._moreData(this.method)
//   }

import { answerInUse, FIRST_STEP } from '../future/coroutine_in_use'
import { type Future, stepThrough } from '../future/future'
import { operationBegins } from '../future/never_awaited'
import { Operation, operationReused } from '../future/operation'
import { FutureState } from '../future/waiter'
import { debugging } from '../loop/debugging'

type Step = IteratorResult<Future<unknown>, Buffer>

/** The reader, as far as reading concerns it. */
export interface ReadSource {
  /** @internal Takes back what was lent. Throws what broke the connection. */
  _beginRead(): void
  /** @internal Up to `count` bytes; null if it has to wait for them, which it does once. */
  _takeSome(count: number, isWoken: boolean): Buffer | null
  /** @internal `count` bytes, or null if they are not there yet. */
  _takeExactly(count: number): Buffer | null
  /** @internal Done when there is more, or no more comes. */
  _moreData(method: string): Future<void>
}

abstract class Reading extends Operation<Buffer> implements Iterator<Future<unknown>, Buffer> {
  /** What was waited for last; null before the first wait, undefined before the beginning. */
  private waiter: Future<void> | null | undefined = undefined

  constructor(
    protected readonly source: ReadSource,
    protected readonly count: number,
  ) {
    super()
  }

  protected abstract readonly method: string
  protected abstract attempt(isWoken: boolean): Buffer | null

  get _name(): string {
    return `StreamReader.${this.method}`
  }

  get _hasBegun(): boolean {
    return this.waiter !== undefined
  }

  [Symbol.iterator](): this {
    if (this.waiter !== undefined) throw operationReused()
    this.waiter = null
    if (debugging.isOn) operationBegins(this)
    return this
  }

  next(given?: unknown): Step {
    const { waiter } = this
    if (!waiter) this.source._beginRead()
    else if (given === FIRST_STEP) return answerInUse()
    // While it is pending it is given once more; where it failed, this throws.
    else if (waiter._state !== FutureState.RESULT) return stepThrough(waiter) as unknown as Step
    const value = this.attempt(Boolean(waiter))
    if (value !== null) return { value, done: true }
    this.waiter = this.source._moreData(this.method)
    return stepThrough(this.waiter) as unknown as Step
  }

  throw(error: unknown): never {
    throw error
  }

  return(value: Buffer): Step {
    return { value, done: true }
  }
}

/** Up to `count` bytes, as soon as there are any; an empty buffer at the end. */
export class ReadingSome extends Reading {
  protected get method(): string {
    return 'read'
  }

  protected attempt(isWoken: boolean): Buffer | null {
    return this.source._takeSome(this.count, isWoken)
  }
}

/** `count` bytes, all of them. */
export class ReadingExactly extends Reading {
  protected get method(): string {
    return 'readexactly'
  }

  protected attempt(): Buffer | null {
    return this.source._takeExactly(this.count)
  }
}
