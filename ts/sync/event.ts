// Event, after asyncio's: a flag that tasks can wait for.

import { inspect } from 'node:util'
import type { Future } from '../future/future'
import { Operation } from '../future/operation'
import { Waiters } from './waiters'

export class Event {
  private flag = false
  private readonly waiters = new Waiters('event')

  isSet(): boolean {
    return this.flag
  }

  /** Sets the flag and wakes everyone who waits, also if it is cleared at once. */
  set(): void {
    if (this.flag) return
    this.flag = true
    this.waiters.wake(Infinity)
  }

  clear(): void {
    this.flag = false
  }

  /** Waits until the flag is set; does not give way if it is. */
  wait(): Operation<true> {
    return new Operation(() => this.waitSteps())
  }

  [inspect.custom](): string {
    const waiting = this.waiters.size === 0 ? '' : `, waiters:${this.waiters.size}`
    return `<Event [${this.flag ? 'set' : 'unset'}${waiting}]>`
  }

  private *waitSteps(): Generator<Future<unknown>, true, unknown> {
    if (this.flag) return true
    const waiter = this.waiters.add()
    try {
      yield* waiter
      return true
    } finally {
      this.waiters.remove(waiter)
    }
  }
}
