// Handles: what callSoon, callLater and callAt return, and what the dispatcher runs.
//
// A handle keeps the AsyncLocalStorage context of its making. It is an AsyncResource itself instead of
// holding one, as two objects would cost the garbage collector twice as much. `newHandle` and
// `newTimerHandle` make them, so that the context is kept without the task of the caller (see context.ts).

import { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import type { TimerTarget } from '../backend/timer_table'
import { functionName } from '../errors/printing'
import { taskStore } from './context'
import { createdAt, noteOrigin, sourceOf } from './origins'
import { IDLE, type Timers } from './timers'

/** What stands in the ready ring: the dispatcher calls `run` when its turn comes. */
export interface Runnable {
  /** @internal */
  run(): void
}

/** Stands in the ring so that there is a turn. */
export const NOTHING: Runnable = { run() {} }

type Callback = (...args: never[]) => unknown

const NO_ARGUMENTS: readonly unknown[] = []

/** What handles need of their loop. */
export interface HandleOwner {
  /** @internal */
  readonly _debug: boolean
  /** @internal */
  _callbackFailed(error: unknown, message: string, details: object): void
  /** @internal */
  readonly _timers: Timers
}

/** Its methods are Node's affair, and no part of what handles promise. */
const ContextKeeper: new (type: string) => object = AsyncResource

function callIn(keeper: object, callback: Callback, args: readonly unknown[]): void {
  const context = keeper as AsyncResource
  const plain = callback as (...args: unknown[]) => unknown
  // Spreading an empty list costs as much as the call.
  if (args.length === 0) context.runInAsyncScope(plain)
  else context.runInAsyncScope(plain, undefined, ...args)
}

/**
 * A scheduled callback. It runs in the AsyncLocalStorage context in which it was scheduled; what it
 * throws goes to the loop's exception handler.
 */
export class Handle extends ContextKeeper implements Runnable {
  /** @internal */ readonly _loop: HandleOwner
  /** @internal */ _callback: Callback | null
  /** @internal */ _args: readonly unknown[]

  /** @internal REQUIRES: the caller's context is without a task. */
  constructor(loop: HandleOwner, callback: Callback, args: readonly unknown[], type: string) {
    super(type)
    this._loop = loop
    this._callback = callback
    this._args = args
    if (loop._debug) noteOrigin(this)
  }

  /** Keeps the callback from running. Harmless when it has run or was cancelled before. */
  cancel(): void {
    // What the callback holds is let go at once, as the handle itself may be kept for long.
    this._callback = null
    this._args = NO_ARGUMENTS
  }

  /** Whether `cancel` was called. */
  cancelled(): boolean {
    return this._callback === null
  }

  /** @internal */
  run(): void {
    const callback = this._callback
    if (callback === null) return
    try {
      callIn(this, callback, this._args)
    } catch (error) {
      this._loop._callbackFailed(error, `Exception in callback ${callbackName(callback)}`, {
        handle: this,
        ...sourceOf(this),
      })
    }
  }

  [inspect.custom](): string {
    return `<${this.constructor.name} ${this.describe()}${createdAt(this)}>`
  }

  protected describe(): string {
    return this._callback === null ? 'cancelled' : callbackName(this._callback)
  }
}

/** A callback scheduled for a time on the loop's clock. */
export class TimerHandle extends Handle implements TimerTarget {
  private readonly whenMs: number
  /** @internal */ _slot = IDLE

  /** @internal Due at `ms`, or in `ms` milliseconds. */
  constructor(
    loop: HandleOwner,
    ms: number,
    isDelay: boolean,
    callback: Callback,
    args: readonly unknown[],
  ) {
    super(loop, callback, args, 'GyreTimer')
    const timers = loop._timers
    if (isDelay) timers.armIn(this, ms)
    else timers.arm(this, ms)
    this.whenMs = timers.lastMs
  }

  /** When the callback is due, in milliseconds on the loop's clock (`loop.time()`). */
  when(): number {
    return this.whenMs
  }

  override cancel(): void {
    super.cancel()
    this._loop._timers.cancel(this)
  }

  /** @internal The expiry is itself an entry of the ready ring, so the callback runs here. */
  timerFired(): void {
    this.run()
  }

  protected override describe(): string {
    return `when=${this.whenMs} ${super.describe()}`
  }
}

/**
 * The arguments that a rest parameter collected, as a handle keeps them. The call in the second branch lets
 * V8 see that where nobody ever gives arguments the list is not used, and then it makes none: 32 bytes.
 */
export function keptArguments(args: readonly unknown[]): readonly unknown[] {
  return args.length === 0 ? NO_ARGUMENTS : given(args)
}

function given(args: readonly unknown[]): readonly unknown[] {
  return args
}

/** What is scheduled from an async function is not part of its task: the context is kept without. */
export function newHandle(
  loop: HandleOwner,
  callback: Callback,
  args: readonly unknown[],
  type: string,
): Handle {
  if (taskStore.getStore() === undefined) return new Handle(loop, callback, args, type)
  return taskStore.run(undefined, newHandle, loop, callback, args, type)
}

/** As `newHandle`, for a time on the loop's clock, or a delay. */
export function newTimerHandle(
  loop: HandleOwner,
  ms: number,
  isDelay: boolean,
  callback: Callback,
  args: readonly unknown[],
): TimerHandle {
  if (taskStore.getStore() === undefined) return new TimerHandle(loop, ms, isDelay, callback, args)
  return taskStore.run(undefined, newTimerHandle, loop, ms, isDelay, callback, args)
}

/** How a callback is named in messages. */
export function callbackName(callback: (...args: never[]) => unknown): string {
  return `${functionName(callback)}()`
}
