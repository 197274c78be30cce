// Lock, after asyncio's (3.13): mutual exclusion between tasks, in the order in which they asked.

import { inspect } from 'node:util'
import type { Body } from '../combine/body'
import { checkFunction } from '../errors/arguments'
import { CancelledError, RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import type { Operation } from '../future/operation'
import { type Acquirable, Guard, withAcquired } from './guard'
import { Waiters } from './waiters'
import { type Step, WaitingOperation } from './waiting_operation'

export class Lock implements Acquirable {
  private isLocked = false
  private readonly waiters = new Waiters('lock')

  locked(): boolean {
    return this.isLocked
  }

  /**
   * Waits until the lock is free and takes it. Resolves to a guard that releases it. Who comes
   * while others wait queues behind them.
   */
  acquire(): Operation<Guard> {
    return new LockAcquisition(this, this.waiters)
  }

  /** Frees the lock and wakes the first who waits. Throws RuntimeError if it is not taken. */
  release(): void {
    if (!this.isLocked) {
      throw new RuntimeError(
        'Lock is not acquired: release() needs an acquire() before',
        'ERR_NOT_ACQUIRED',
      )
    }
    this.isLocked = false
    this.wakeFirst()
  }

  /** Runs `body` in the current task while holding the lock. */
  with<T>(body: Body<void, T>): Operation<T> {
    checkFunction('body', body)
    return withAcquired(this, body)
  }

  [inspect.custom](): string {
    const waiting = this.waiters.size === 0 ? '' : `, waiters:${this.waiters.size}`
    return `<Lock [${this.isLocked ? 'locked' : 'unlocked'}${waiting}]>`
  }

  /** @internal Takes the lock if nobody holds it or waits for it. */
  _tryTake(): boolean {
    if (this.isLocked || this.waiters.hasLive()) return false
    this.isLocked = true
    return true
  }

  /** @internal For the waiter that was woken. */
  _take(): void {
    this.isLocked = true
  }

  /** @internal A cancelled waiter passes the wake-up on, or the lock would stay free. */
  _passOn(): void {
    if (!this.isLocked) this.wakeFirst()
  }

  private wakeFirst(): void {
    const first = this.waiters.first()
    // One that is done is about to wake up already.
    if (first !== null && !first.done()) first.setResult(undefined)
  }
}

class LockAcquisition extends WaitingOperation<Guard> {
  protected isBegun = false
  protected waiter: Future<void> | null = null

  constructor(
    private readonly lock: Lock,
    protected readonly waiters: Waiters,
  ) {
    super()
  }

  get _name(): string {
    return 'Lock.acquire'
  }

  override next(given?: unknown): Step<Guard> {
    if (this.waiter !== null || !this.lock._tryTake()) return super.next(given)
    return { value: new Guard(this.lock), done: true }
  }

  protected attempt(isWoken: boolean): Step<Guard> | null {
    if (!isWoken) return null
    this.lock._take()
    return { value: new Guard(this.lock), done: true }
  }

  protected abandoned(_waiter: Future<void>, error: unknown): void {
    if (error instanceof CancelledError) this.lock._passOn()
  }
}
