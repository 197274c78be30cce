// Barrier, after asyncio's (3.11): a number of tasks wait for one another.

import { inspect } from 'node:util'
import { checkInteger } from '../errors/arguments'
import { BrokenBarrierError } from '../errors/errors'
import type { Future } from '../future/future'
import type { Operation } from '../future/operation'
import { Condition } from './condition'

/**
 * FILLING: tasks arrive. DRAINING: all are there and leave. RESETTING: they leave with an error.
 */
const State = {
  FILLING: 'filling',
  DRAINING: 'draining',
  RESETTING: 'resetting',
  BROKEN: 'broken',
} as const
type State = (typeof State)[keyof typeof State]

type Steps<T> = Generator<Future<unknown>, T, unknown>

export class Barrier {
  /** How many tasks must arrive. */
  readonly parties: number
  private readonly condition = new Condition()
  private state: State = State.FILLING
  private count = 0

  /** Throws RangeError if `parties` is no whole number of 1 or more. */
  constructor(parties: number) {
    checkInteger('parties', parties, 1)
    this.parties = parties
  }

  /** How many tasks wait now. */
  get nWaiting(): number {
    return this.state === State.FILLING ? this.count : 0
  }

  get broken(): boolean {
    return this.state === State.BROKEN
  }

  /**
   * Waits until all are there. Gives each a number of its own, from 0 to parties - 1. Throws
   * BrokenBarrierError if the barrier is reset meanwhile, or was aborted.
   */
  wait(): Operation<number> {
    return this.condition.with(this.waitSteps.bind(this))
  }

  /** Throws BrokenBarrierError in those who wait; the barrier can be used again. */
  reset(): Operation<void> {
    return this.condition.with(this.resetSteps.bind(this))
  }

  /** Breaks the barrier for good: those who wait, and all who will, get a BrokenBarrierError. */
  abort(): Operation<void> {
    return this.condition.with(this.abortSteps.bind(this))
  }

  [inspect.custom](): string {
    const waiting = this.broken ? '' : `, waiters:${this.nWaiting}/${this.parties}`
    return `<Barrier [${this.state}${waiting}]>`
  }

  private *waitSteps(): Steps<number> {
    yield* this.enter()
    try {
      const index = this.count++
      if (index + 1 === this.parties) this.open()
      else yield* this.waitUntilOpen()
      return index
    } finally {
      this.count--
      this.leave()
    }
  }

  /** Waits while the barrier empties itself of those before. */
  private *enter(): Steps<void> {
    const mayEnter = () => this.state !== State.DRAINING && this.state !== State.RESETTING
    yield* this.condition.waitFor(mayEnter)
    if (this.state === State.BROKEN) throw new BrokenBarrierError('Barrier aborted')
  }

  private open(): void {
    this.state = State.DRAINING
    this.condition.notifyAll()
  }

  private *waitUntilOpen(): Steps<void> {
    yield* this.condition.waitFor(() => this.state !== State.FILLING)
    if (this.state === State.BROKEN || this.state === State.RESETTING) {
      throw new BrokenBarrierError('Abort or reset of barrier')
    }
  }

  /** The last one to leave makes the barrier ready for the next round. */
  private leave(): void {
    if (this.count > 0) return
    if (this.state === State.RESETTING || this.state === State.DRAINING) this.state = State.FILLING
    this.condition.notifyAll()
  }

  // These two run under the condition's lock and do not wait themselves.

  private *resetSteps(): Steps<void> {
    this.state = this.count > 0 ? State.RESETTING : State.FILLING
    this.condition.notifyAll()
  }

  private *abortSteps(): Steps<void> {
    this.state = State.BROKEN
    this.condition.notifyAll()
  }
}
