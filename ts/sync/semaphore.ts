// Semaphore and BoundedSemaphore, after asyncio's (3.13).

import { inspect } from 'node:util'
import type { Body } from '../combine/body'
import { checkFunction, checkInteger } from '../errors/arguments'
import { CancelledError, RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import type { Operation } from '../future/operation'
import { type Acquirable, Guard, withAcquired } from './guard'
import { Waiters } from './waiters'
import { type Step, WaitingOperation } from './waiting_operation'

/** Lets up to `value` tasks through at a time, in the order in which they asked. */
export class Semaphore implements Acquirable {
  protected value: number
  private readonly waiters = new Waiters('semaphore')

  /** Throws RangeError if `value` is no whole number of 0 or more. */
  constructor(value = 1) {
    checkInteger('value', value, 0)
    this.value = value
  }

  /** Whether acquire() would wait: nothing is free, or a waiter owns what is. */
  locked(): boolean {
    return this.value === 0 || this.waiters.hasLive()
  }

  /** Waits until one is free and takes it. Resolves to a guard that gives it back. */
  acquire(): Operation<Guard> {
    return new SemaphoreAcquisition(this, this.waiters)
  }

  /** Gives one back and wakes the first who waits. */
  release(): void {
    this.value++
    this.wakeNext()
  }

  /** Runs `body` in the current task while holding one. */
  with<T>(body: Body<void, T>): Operation<T> {
    checkFunction('body', body)
    return withAcquired(this, body)
  }

  [inspect.custom](): string {
    const state = this.locked() ? 'locked' : `unlocked, value:${this.value}`
    const waiting = this.waiters.size === 0 ? '' : `, waiters:${this.waiters.size}`
    return `<${this.constructor.name} [${state}${waiting}]>`
  }

  /** @internal Takes one if acquire() would not wait. */
  _tryTake(): boolean {
    if (this.locked()) return false
    this.value--
    return true
  }

  /** @internal One that was given to a waiter comes back: the waiter was cancelled. */
  _takeBack(): void {
    this.value++
  }

  /** @internal Others may have had to wait for their turn although something was free. */
  _wakeWhileFree(): void {
    while (this.value > 0 && this.wakeNext());
  }

  private wakeNext(): boolean {
    if (this.waiters.wake(1) === 0) return false
    this.value--
    return true
  }
}

class SemaphoreAcquisition extends WaitingOperation<Guard> {
  protected isBegun = false
  protected waiter: Future<void> | null = null

  constructor(
    private readonly semaphore: Semaphore,
    protected readonly waiters: Waiters,
  ) {
    super()
  }

  get _name(): string {
    return 'Semaphore.acquire'
  }

  override next(given?: unknown): Step<Guard> {
    if (this.waiter !== null || !this.semaphore._tryTake()) return super.next(given)
    return { value: new Guard(this.semaphore), done: true }
  }

  /** Who releases gives to the waiter that it wakes: a woken one has it already. */
  protected attempt(isWoken: boolean): Step<Guard> | null {
    if (!isWoken) return null
    this.semaphore._wakeWhileFree()
    return { value: new Guard(this.semaphore), done: true }
  }

  protected abandoned(waiter: Future<void>, error: unknown): void {
    const wasGiven = waiter.done() && !waiter.cancelled()
    if (error instanceof CancelledError && wasGiven) this.semaphore._takeBack()
    this.semaphore._wakeWhileFree()
  }
}

/** A semaphore that must not be released more often than it was acquired. */
export class BoundedSemaphore extends Semaphore {
  private readonly bound: number

  constructor(value = 1) {
    super(value)
    this.bound = value
  }

  /** Throws RuntimeError if everything was given back already. */
  override release(): void {
    if (this.value >= this.bound) {
      const message = 'BoundedSemaphore released too many times: each release() needs an acquire()'
      throw new RuntimeError(message, 'ERR_NOT_ACQUIRED')
    }
    super.release()
  }
}
