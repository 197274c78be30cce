// Event, after asyncio's: a flag that tasks can wait for.

import { inspect } from 'node:util'
import type { Future } from '../future/future'
import type { Operation } from '../future/operation'
import { Waiters } from './waiters'
import { type Step, WaitingOperation } from './waiting_operation'

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
    return new EventWait(this, this.waiters)
  }

  [inspect.custom](): string {
    const waiting = this.waiters.size === 0 ? '' : `, waiters:${this.waiters.size}`
    return `<Event [${this.flag ? 'set' : 'unset'}${waiting}]>`
  }
}

class EventWait extends WaitingOperation<true> {
  protected isBegun = false
  protected waiter: Future<void> | null = null

  constructor(
    private readonly event: Event,
    protected readonly waiters: Waiters,
  ) {
    super()
  }

  get _name(): string {
    return 'Event.wait'
  }

  override next(given?: unknown): Step<true> {
    if (this.waiter !== null || !this.event.isSet()) return super.next(given)
    return { value: true, done: true }
  }

  protected attempt(isWoken: boolean): Step<true> | null {
    return isWoken ? { value: true, done: true } : null
  }

  protected abandoned(): void {}
}
