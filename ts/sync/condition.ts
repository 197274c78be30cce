// Condition, after asyncio's (3.13): waiting, under a lock, until somebody says that something
// changed.

import { inspect } from 'node:util'
import type { Body } from '../combine/body'
import { checkFunction, checkInteger, invalidType } from '../errors/arguments'
import { CancelledError, RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { type Acquirable, type Guard, withAcquired } from './guard'
import { Lock } from './lock'
import { Waiters } from './waiters'

export class Condition implements Acquirable {
  private readonly lock: Lock
  private readonly waiters = new Waiters('condition')

  /** @param lock the lock to use; by default one of its own */
  constructor(lock: Lock = new Lock()) {
    if (!(lock instanceof Lock)) throw invalidType('lock', 'a Lock', lock)
    this.lock = lock
  }

  locked(): boolean {
    return this.lock.locked()
  }

  acquire(): Operation<Guard> {
    return this.lock.acquire()
  }

  release(): void {
    this.lock.release()
  }

  /** Runs `body` in the current task while holding the lock. */
  with<T>(body: Body<void, T>): Operation<T> {
    checkFunction('body', body)
    return withAcquired(this, body)
  }

  /**
   * Frees the lock, waits to be notified, and takes the lock again, also when it is cancelled. It
   * may return without a notification: check again what you wait for. Throws RuntimeError without
   * the lock.
   */
  wait(): Operation<true> {
    return new GeneratorOperation('Condition.wait', () => this.waitSteps())
  }

  /** Waits until `predicate()` is truthy, and gives what it gave. */
  waitFor<T>(predicate: () => T): Operation<T> {
    checkFunction('predicate', predicate)
    return new GeneratorOperation('Condition.waitFor', () => this.waitForSteps(predicate))
  }

  /**
   * Wakes up to `count` tasks. They go on when they get the lock. Throws RuntimeError without it.
   */
  notify(count = 1): void {
    checkInteger('count', count, 0)
    this.checkLocked('notify')
    this.waiters.wake(count)
  }

  notifyAll(): void {
    this.checkLocked('notify')
    this.waiters.wake(Infinity)
  }

  [inspect.custom](): string {
    const waiting = this.waiters.size === 0 ? '' : `, waiters:${this.waiters.size}`
    return `<Condition [${this.locked() ? 'locked' : 'unlocked'}${waiting}]>`
  }

  private checkLocked(verb: string): void {
    if (this.locked()) return
    const message = `cannot ${verb} on un-acquired lock: acquire() the condition first`
    throw new RuntimeError(message, 'ERR_NOT_ACQUIRED')
  }

  private *waitSteps(): Generator<Future<unknown>, true, unknown> {
    this.checkLocked('wait')
    const waiter = this.waiters.add()
    this.release()
    try {
      try {
        try {
          yield* waiter
          return true
        } finally {
          this.waiters.remove(waiter)
        }
      } finally {
        yield* this.takeLockAgain()
      }
    } catch (error) {
      // It may have been notified: another must hear of it instead.
      this.waiters.wake(1)
      throw error
    }
  }

  /** Whoever leaves wait() holds the lock; a cancellation meanwhile comes when it does. */
  private *takeLockAgain(): Generator<Future<unknown>, void, unknown> {
    let cancellation: CancelledError | null = null
    for (;;) {
      try {
        yield* this.acquire()
        break
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error
        cancellation = error
      }
    }
    if (cancellation !== null) throw cancellation
  }

  private *waitForSteps<T>(predicate: () => T): Generator<Future<unknown>, T, unknown> {
    let result = predicate()
    while (!result) {
      yield* this.wait()
      result = predicate()
    }
    return result
  }
}
