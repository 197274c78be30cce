// Locks and queues under one interface: what statements do to them (oracle/resources.py for CPython).

import type { Future } from 'gyre'
import * as gyre from 'gyre'
import type { Resource, ResourceKind, SyncCall, WaitingCall } from './program.js'

// biome-ignore lint/suspicious/noExplicitAny: one wrapper for nine classes
type Wrapped = any
type Coroutine<T> = Generator<Future<unknown>, T, unknown>

const classes: Readonly<Record<ResourceKind, string>> = {
  lock: 'Lock',
  event: 'Event',
  condition: 'Condition',
  semaphore: 'Semaphore',
  boundedSemaphore: 'BoundedSemaphore',
  barrier: 'Barrier',
  queue: 'Queue',
  priorityQueue: 'PriorityQueue',
  lifoQueue: 'LifoQueue',
}

export function createResource(
  resource: Resource,
  others: readonly ResourceCalls[],
): ResourceCalls {
  const { kind, size } = resource
  const Class = (gyre as Record<string, Wrapped>)[classes[kind]]
  if (kind === 'lock' || kind === 'event') return new ResourceCalls(kind, new Class())
  if (kind !== 'condition') return new ResourceCalls(kind, new Class(size))
  const shared = size >= 0 ? others[size] : undefined
  return new ResourceCalls(kind, shared?.kind === 'lock' ? new Class(shared.wrapped) : new Class())
}

export class ResourceCalls {
  /** How many items were put, so that each is distinct. */
  private putCount = 0
  /** How many notifications there were: waitFor waits for a count. */
  private notifyCount = 0

  constructor(
    readonly kind: ResourceKind,
    readonly wrapped: Wrapped,
  ) {}

  /** A call that does not wait. */
  use(call: SyncCall, value: number): unknown {
    const { wrapped } = this
    switch (call) {
      case 'release':
      case 'set':
      case 'clear':
      case 'taskDone':
        wrapped[call]()
        return null
      case 'notify':
        this.notifyCount++
        wrapped.notify(value)
        return null
      case 'notifyAll':
        this.notifyCount++
        wrapped.notifyAll()
        return null
      case 'putNowait':
        wrapped.putNowait(this.item(value))
        return null
      case 'getNowait':
        return wrapped.getNowait()
      case 'shutdown':
        wrapped.shutdown()
        return null
      case 'shutdownNow':
        wrapped.shutdown({ immediate: true })
        return null
      case 'state':
        return this.state()
    }
  }

  /** A call that may wait. */
  *waitOn(call: WaitingCall, value: number): Coroutine<unknown> {
    const result = yield* this.begin(call, value)
    // What the others give (True in asyncio, a guard or nothing in Gyre) is no part of the trace.
    const tells =
      call === 'get' || call === 'waitFor' || (call === 'wait' && this.kind === 'barrier')
    return tells ? result : null
  }

  /** The same as a promise. */
  async awaitOn(call: WaitingCall, value: number): Promise<unknown> {
    const result = await this.begin(call, value)
    const tells =
      call === 'get' || call === 'waitFor' || (call === 'wait' && this.kind === 'barrier')
    return tells ? result : null
  }

  with(body: () => Wrapped): Wrapped {
    return this.wrapped.with(body)
  }

  private begin(call: WaitingCall, value: number): Wrapped {
    if (call === 'put') return this.wrapped.put(this.item(value))
    if (call !== 'waitFor') return this.wrapped[call]()
    return this.wrapped.waitFor(() => this.notifyCount >= value && this.notifyCount)
  }

  private item(value: number): number {
    this.putCount++
    return value * 100 + this.putCount
  }

  private state(): unknown {
    const { wrapped } = this
    if (this.kind === 'event') return wrapped.isSet()
    if (this.kind === 'barrier') return [wrapped.parties, wrapped.nWaiting, wrapped.broken]
    if (!this.kind.toLowerCase().includes('queue')) return wrapped.locked()
    return [wrapped.qsize(), wrapped.empty(), wrapped.full()]
  }
}
