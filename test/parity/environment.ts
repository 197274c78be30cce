// What the statements of one running program share: slots, handles, timeouts, groups, locks, queues.
// oracle/environment.py is the same for CPython. Ranks (ranks.ts) keep waiting from going in a circle.
//
// After main has ended, lines of callbacks and of instances made since are dropped: how many turns a
// loop makes while it closes is its own affair.

import {
  currentTask,
  type EventLoop,
  type Future,
  type Handle,
  KeyboardInterrupt,
  Task,
  type TaskGroup,
  type Timeout,
} from 'gyre'
import type { Block, Program, SyncStatement } from './program.js'
import { type Instance, Ranks } from './ranks.js'
import { createResource, type ResourceCalls } from './resource_calls.js'
import { runSync } from './statements.js'
import { describe, describeError, describeFuture, Trace } from './trace.js'

const mainSlot = 5

/** What a started instance is to Gyre: a coroutine object, or a function that makes a promise. */
// biome-ignore lint/suspicious/noExplicitAny: as wide as Gyre's own Coro
export type Started = any

export class Environment {
  readonly trace: Trace
  readonly slots = new Map<number, Future<unknown>>()
  readonly handles = new Map<number, Handle>()
  readonly timeouts = new Map<number, Timeout>()
  readonly groups = new Map<number, TaskGroup>()
  readonly resources: ResourceCalls[] = []
  private readonly doneCallbacks = new Map<number, (future: Future<unknown>) => void>()
  readonly ranks = new Ranks()
  /** KeyboardInterrupt was raised. */
  interrupted = false
  /** The highest rank when main ended; null while it runs. */
  private lastRank: number | null = null

  constructor(
    readonly program: Program,
    readonly loop: EventLoop,
    /** Makes the coroutine of an instance; nothing of it runs before it is awaited. */
    private readonly starter: (environment: Environment, instance: Instance) => Started,
  ) {
    this.trace = new Trace(() => loop.time())
    if (program.eager) {
      const eager = { eagerStart: true }
      loop.setTaskFactory((own, coro, options) => new Task(coro, { ...options, ...eager }, own))
    }
    for (const resource of program.resources) {
      this.resources.push(createResource(resource, this.resources))
    }
    loop.setExceptionHandler((_, context) => this.onException(context))
  }

  start(instance: Instance): Started {
    return this.starter(this, instance)
  }

  body(instance: Instance): Block {
    return this.program.coroutines[instance.coro] as Block
  }

  log(instance: Instance, text: string): void {
    if (this.lastRank === null || instance.rank <= this.lastRank) {
      this.trace.log(instance.label, text)
    }
  }

  private logCallback(index: number, text: string): void {
    if (this.lastRank === null) this.trace.log(`k${index}`, text)
  }

  /** The current task runs this instance, and, unless it runs others already, is known by its rank. */
  entered(instance: Instance): void {
    this.ranks.keep(currentTask() as Future<unknown>, instance.rank)
    if (instance.coro === 0) this.store(mainSlot, currentTask() as Future<unknown>, instance.rank)
  }

  store(slot: number, future: Future<unknown>, rank: number): void {
    this.slots.set(slot, future)
    this.ranks.keep(future, rank)
  }

  /** Runs a callback; `future` is given where it is a done callback. */
  runCallback(index: number, future: Future<unknown> | null): void {
    this.logCallback(index, future === null ? 'called' : `called ${describeFuture(future)}`)
    for (const statement of this.program.callbacks[index] as SyncStatement[]) {
      const { op } = statement
      try {
        const value = runSync(this, statement)
        this.logCallback(index, `= ${op} ${describe(value)}`)
      } catch (error) {
        if (error instanceof KeyboardInterrupt) throw error
        this.logCallback(index, `x ${op} ${describeError(error)}`)
        throw error
      }
    }
  }

  /** One function a callback, so that removing it finds what was added. */
  doneCallback(index: number): (future: Future<unknown>) => void {
    let callback = this.doneCallbacks.get(index)
    if (callback === undefined) {
      callback = (future) => this.runCallback(index, future)
      this.doneCallbacks.set(index, callback)
    }
    return callback
  }

  /** Whether main has ended. */
  get hasEnded(): boolean {
    return this.lastRank !== null
  }

  /** Logs what has become of everything, and drops what is made from now on. */
  mainEnded(): void {
    for (const [slot, future] of this.sortedSlots()) {
      this.trace.log('end', `slot ${slot} ${describeFuture(future)}`)
    }
    this.lastRank = this.ranks.highest
  }

  /** The loop is closed: logs how the tasks that main had left behind ended. */
  closed(): void {
    const lastRank = this.lastRank ?? 0
    for (const [slot, future] of this.sortedSlots()) {
      if (future instanceof Task && this.ranks.of(future) <= lastRank) {
        this.trace.log('closed', `slot ${slot} ${describeFuture(future)}`)
      }
    }
  }

  private sortedSlots(): [number, Future<unknown>][] {
    return [...this.slots].sort(([a], [b]) => a - b)
  }

  private onException(context: { message: string; exception?: unknown }): void {
    const { message } = context
    const error = 'exception' in context ? describeError(context.exception) : ''
    if (/exception in callback/i.test(message)) {
      if (this.lastRank === null) this.trace.log('loop', `callback ${error}`)
    } else if (/during.*shutdown/i.test(message)) {
      this.trace.log('loop', `shutdown ${error}`)
    } else if (/parent task/i.test(message)) {
      this.trace.log('loop', `orphan ${error}`)
    } else if (!/never retrieved|was destroyed/i.test(message)) {
      this.trace.log('loop', `${message} ${error}`)
    }
  }
}
