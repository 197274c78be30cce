// What the async functions of a task await. Most often that is one thing, which then stands for itself.

import type { CancelledError } from '../errors/errors'
import type { EventLoop } from '../loop/loop'
import type { Cancellation } from './cancellation'
import { FutureState, type RunnableWaiter, type Waiter } from './waiter'

/** A future, as far as awaiting concerns it. */
export interface AwaitedFuture {
  readonly _loop: EventLoop
  readonly _state: FutureState
  readonly _value: unknown
  /** @internal What an async body awaits whose end this is; null in others. */
  readonly _bodyAwaits: Awaits | null
  _adopt(waiter: RunnableWaiter): boolean
  _addWaiter(waiter: Waiter): void
  _removeWaiter(waiter: Waiter): void
  _cancelWith(cancellation: Cancellation): boolean
  _makeCancelledError(): CancelledError
  _markRetrieved(): void
  _unwanted(): void
}

/** Something of an async-function task that waits for a future and can be reached by cancel(). */
export interface Await extends RunnableWaiter {
  readonly _future: AwaitedFuture
  /** @internal It is woken, and a cancellation came before it ran: that is what it ends with. */
  _overtake(cancellation: Cancellation): void
}

export interface Awaits {
  /** @internal */
  _awaits: Await | Set<Await> | null
}

export function addAwait(holder: Awaits, entry: Await): void {
  const awaits = holder._awaits
  if (awaits === null) holder._awaits = entry
  else if (awaits instanceof Set) awaits.add(entry)
  else holder._awaits = new Set([awaits, entry])
}

export function removeAwait(holder: Awaits, entry: Await): void {
  const awaits = holder._awaits
  if (awaits === entry) holder._awaits = null
  else if (awaits instanceof Set) {
    awaits.delete(entry)
    if (awaits.size === 0) holder._awaits = null
  }
}

export function listAwaits(holder: Awaits): Await[] {
  const awaits = holder._awaits
  if (awaits === null) return []
  return awaits instanceof Set ? [...awaits] : [awaits]
}

/** Returns whether it reached any of them. */
export function cancelAwaits(holder: Awaits, cancellation: Cancellation): boolean {
  const awaits = holder._awaits
  if (awaits === null) return false
  if (!(awaits instanceof Set)) return awaits._future._cancelWith(cancellation)
  let isReached = false
  const woken: Await[] = []
  for (const entry of [...awaits]) {
    if (entry._future._state !== FutureState.PENDING) woken.push(entry)
    else if (entry._future._cancelWith(cancellation)) isReached = true
  }
  // Those run first. A race that one of them wins would hear nothing of what the others end with.
  if (isReached) for (const entry of woken) entry._overtake(cancellation)
  return isReached
}

/** One that waits for a pending future. Who waits for a body is left alone: what is in it is looked for. */
export function findPending(holder: Awaits): Await | null {
  for (const entry of listAwaits(holder)) {
    if (entry._future._state !== FutureState.PENDING) continue
    const body = entry._future._bodyAwaits
    const found = body === null ? entry : findPending(body)
    if (found !== null) return found
  }
  return null
}
