// A random program as data: what `generate.ts` and `generate_structured.ts` make, what `oracle/` runs
// under CPython's asyncio and what `interpret.ts` and `interpret_async.ts` run under Gyre.
//
// Invariants:
//   1. Coroutine 0 is main. A coroutine only starts coroutines with a higher index, and a callback only
//      schedules callbacks with a higher index, so every program ends or stands still.
//   2. Everything is plain JSON, and every number in it is an integer: the two sides read the same.
//   3. Slots (of futures and tasks), handles, timeouts, groups and resources are shared by the whole
//      program; a statement that finds its slot empty logs `skip`.
//
// Knows nothing of Gyre.

/** What gather, wait, asCompleted, waitFor and shield are given. */
export type Item =
  /** A fresh coroutine object of this coroutine. */
  | { coro: number }
  /** The future or task in this slot. */
  | { slot: number }
  /** The very same awaitable as an earlier item of this statement. */
  | { again: number }
  | Nested

/** Items that are calls themselves, made where the statement is; in them no item is `again`. */
export type Nested =
  | { gather: Item[]; returnExceptions: boolean }
  | { shield: Item }
  | { waitFor: Item; ms: number | null }
  /** A coroutine object of this method of a lock or queue. */
  | { waitOn: number; call: WaitingCall; value: number }

export type Catches = 'cancelled' | 'app' | 'exception' | 'all'

/** Statements that never wait: callbacks consist of these alone. */
export type SyncStatement =
  | { op: 'log'; value: number }
  | { op: 'raise'; error: string }
  /** Raises KeyboardInterrupt, which ends the loop. */
  | { op: 'interrupt' }
  | { op: 'future'; slot: number }
  | { op: 'create'; slot: number; coro: number; eager: boolean }
  | { op: 'cancel'; slot: number; reason: string | null }
  | { op: 'setResult'; slot: number; value: number }
  | { op: 'setException'; slot: number; error: string }
  | { op: 'inspect'; slot: number; what: 'state' | 'result' | 'exception' }
  | { op: 'whoami' }
  | { op: 'callSoon'; handle: number; callback: number }
  | { op: 'callLater'; handle: number; callback: number; ms: number }
  | { op: 'callAt'; handle: number; callback: number; ms: number }
  | { op: 'cancelHandle'; handle: number }
  | { op: 'addCallback'; slot: number; callback: number }
  | { op: 'removeCallback'; slot: number; callback: number }
  | { op: 'reschedule'; timeout: number; ms: number | null }
  | { op: 'inspectTimeout'; timeout: number }
  | { op: 'spawn'; group: number; slot: number; coro: number }
  | { op: 'use'; resource: number; call: SyncCall; value: number }

/** Statements about the task that runs them: sync, but only in coroutines. */
export type TaskStatement =
  | { op: 'raiseCancelled'; reason: string | null }
  | { op: 'cancelSelf'; reason: string | null }
  | { op: 'uncancel' }
  | { op: 'cancelling' }

export type WaitingStatement =
  | { op: 'sleep'; ms: number }
  | { op: 'return'; value: number }
  | { op: 'call'; coro: number }
  | { op: 'await'; slot: number }
  | { op: 'repeat'; times: number; body: Block }
  | {
      op: 'try'
      body: Block
      catches: Catches | null
      handler: Block
      reraise: boolean
      cleanup: Block | null
    }
  | { op: 'gather'; items: Item[]; returnExceptions: boolean; slot: number | null }
  | { op: 'wait'; items: Item[]; timeout: number | null; until: WaitUntil }
  | { op: 'asCompleted'; items: Item[]; timeout: number | null; take: number }
  | { op: 'waitFor'; item: Item; ms: number | null }
  | { op: 'shield'; item: Item; slot: number | null }
  | { op: 'timeout'; timeout: number; ms: number | null; at: boolean; body: Block }
  | { op: 'group'; group: number; body: Block }
  | { op: 'with'; resource: number; body: Block }
  | { op: 'waitOn'; resource: number; call: WaitingCall; value: number }

export type WaitUntil = 'FIRST_COMPLETED' | 'FIRST_EXCEPTION' | 'ALL_COMPLETED'

/** Methods of locks and queues that return at once. */
export type SyncCall =
  | 'release'
  | 'set'
  | 'clear'
  | 'notify'
  | 'notifyAll'
  | 'putNowait'
  | 'getNowait'
  | 'taskDone'
  | 'shutdown'
  | 'shutdownNow'
  | 'state'

/** Methods of locks and queues that may wait. */
export type WaitingCall =
  | 'acquire'
  | 'wait'
  | 'waitFor'
  | 'put'
  | 'get'
  | 'join'
  | 'reset'
  | 'abort'

export type Statement = SyncStatement | TaskStatement | WaitingStatement
export type Block = Statement[]

export type ResourceKind =
  | 'lock'
  | 'event'
  | 'condition'
  | 'semaphore'
  | 'boundedSemaphore'
  | 'barrier'
  | 'queue'
  | 'priorityQueue'
  | 'lifoQueue'

/**
 * A lock or queue, made before main starts. `size` is the semaphore's value, the barrier's parties or
 * the queue's capacity; for a condition it is the resource whose lock it shares, or -1.
 */
export type Resource = { kind: ResourceKind; size: number }

export type Program = {
  seed: number
  profile: string
  /** All tasks are eager: their first step runs where they are made. */
  eager: boolean
  /** The bodies; 0 is main. */
  coroutines: Block[]
  /** The bodies of callbacks, for callSoon, callLater, callAt and done callbacks alike. */
  callbacks: SyncStatement[][]
  resources: Resource[]
}
