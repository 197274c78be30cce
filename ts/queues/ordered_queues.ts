// PriorityQueue and LifoQueue: queues that give their items in another order.

import { Queue } from './queue'
import { HeapStore, LifoStore, type Store } from './store'

/**
 * Gives the smallest item first. Items are numbers, strings, or arrays such as `[priority, what]`,
 * which are compared element by element, as Python compares tuples.
 */
export class PriorityQueue<T = unknown> extends Queue<T> {
  protected override makeStore(): Store<T> {
    return new HeapStore<T>(isLess)
  }
}

/** Gives the newest item first. */
export class LifoQueue<T = unknown> extends Queue<T> {
  protected override makeStore(): Store<T> {
    return new LifoStore<T>()
  }
}

function isLess(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return (a as number) < (b as number)
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (isLess(a[i], b[i])) return true
    if (isLess(b[i], a[i])) return false
  }
  return a.length < b.length
}
