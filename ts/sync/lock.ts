// Lock, after asyncio's (3.13): mutual exclusion between tasks, in the order in which they asked.

import { inspect } from 'node:util'
import type { Body } from '../combine/body'
import { checkFunction } from '../errors/arguments'
import { CancelledError, RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import { Operation } from '../future/operation'
import { type Acquirable, Guard, withAcquired } from './guard'
import { Waiters } from './waiters'

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
    return new Operation(() => this.acquireSteps())
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

  private *acquireSteps(): Generator<Future<unknown>, Guard, unknown> {
    if (!this.isLocked && !this.waiters.hasLive()) {
      this.isLocked = true
      return new Guard(this)
    }
    const waiter = this.waiters.add()
    try {
      try {
        yield* waiter
      } finally {
        this.waiters.remove(waiter)
      }
    } catch (error) {
      // A cancelled waiter passes the wake-up on, or the lock would stay free with tasks waiting.
      if (error instanceof CancelledError && !this.isLocked) this.wakeFirst()
      throw error
    }
    this.isLocked = true
    return new Guard(this)
  }

  private wakeFirst(): void {
    const first = this.waiters.first()
    // One that is done is about to wake up already.
    if (first !== null && !first.done()) first.setResult(undefined)
  }
}
