// What a gather puts into the ready ring. Children that stand side by side share an entry: nothing
// else can come between them.

import type { AsyncResource } from 'node:async_hooks'
import type { Future } from '../future/future'
import type { DoneFuture } from '../future/waiter'
import type { Runnable } from '../loop/handle'
import { type EventLoop, Kind } from '../loop/loop'

interface Gathering {
  readonly _loop: EventLoop
  takeFirstSteps(first: number, end: number): number
  countDone(count: number): void
  childFailed(child: Future<unknown>): void
}

/** The first steps of the arguments from `next` until before `end`. */
export class FirstSteps implements Runnable {
  constructor(
    private readonly gathering: Gathering,
    private readonly context: AsyncResource,
    private next: number,
    private readonly end: number,
  ) {}

  run(): void {
    this.context.runInAsyncScope(takeFirstSteps, undefined, this)
  }

  take(): void {
    const { gathering } = this
    this.next = gathering.takeFirstSteps(this.next, this.end)
    if (this.next < this.end) gathering._loop.ring.putBack(Kind.HANDLE, this)
  }
}

/** A plain function for runInAsyncScope, so that no closure is made. */
function takeFirstSteps(steps: FirstSteps): void {
  steps.take()
}

/** Children that ended one behind the other, in the same turn, are counted. */
export class Counts implements Runnable {
  count = 1

  constructor(
    private readonly gathering: Gathering,
    /** The turn in which they ended. */
    readonly turn: number,
  ) {}

  run(): void {
    this.gathering.countDone(this.count)
  }
}

/** A child that failed or was cancelled. */
export class ChildFailed implements Runnable {
  constructor(
    private readonly gathering: Gathering,
    private readonly child: DoneFuture,
  ) {}

  run(): void {
    this.gathering.childFailed(this.child as Future<unknown>)
  }
}
