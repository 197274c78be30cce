// What a queue keeps its items in: in order of arrival, the newest first, or by priority.

export interface Store<T> {
  readonly size: number
  push(item: T): void
  /** REQUIRES: size > 0. */
  pop(): T
}

/** First in, first out. A ring: shift() of a long array would move every item. */
export class FifoStore<T> implements Store<T> {
  private items: (T | undefined)[] = new Array(16).fill(undefined)
  private head = 0
  size = 0

  push(item: T): void {
    if (this.size === this.items.length) this.grow()
    this.items[(this.head + this.size) & (this.items.length - 1)] = item
    this.size++
  }

  pop(): T {
    const item = this.items[this.head] as T
    this.items[this.head] = undefined
    this.head = (this.head + 1) & (this.items.length - 1)
    this.size--
    return item
  }

  private grow(): void {
    const { items, head } = this
    this.items = [...items.slice(head), ...items.slice(0, head)]
    this.items.length *= 2
    this.items.fill(undefined, items.length)
    this.head = 0
  }
}

/** Last in, first out. */
export class LifoStore<T> implements Store<T> {
  private readonly items: T[] = []

  get size(): number {
    return this.items.length
  }

  push(item: T): void {
    this.items.push(item)
  }

  pop(): T {
    return this.items.pop() as T
  }
}

/**
 * The smallest first: a binary heap, step by step as Python's heapq, so that ties come out alike.
 */
export class HeapStore<T> implements Store<T> {
  private readonly items: T[] = []

  /** @param isLess whether `a` comes before `b` */
  constructor(private readonly isLess: (a: T, b: T) => boolean) {}

  get size(): number {
    return this.items.length
  }

  push(item: T): void {
    this.items.push(item)
    this.siftDown(0, this.items.length - 1)
  }

  pop(): T {
    const last = this.items.pop() as T
    if (this.items.length === 0) return last
    const first = this.items[0] as T
    this.items[0] = last
    this.siftUp(0)
    return first
  }

  /** Moves the item at `at` towards the root, but not above `top`. */
  private siftDown(top: number, at: number): void {
    const { items } = this
    const item = items[at] as T
    let place = at
    while (place > top) {
      const parent = (place - 1) >> 1
      if (!this.isLess(item, items[parent] as T)) break
      items[place] = items[parent] as T
      place = parent
    }
    items[place] = item
  }

  /**
   * Moves the smaller child up until a leaf is free, then puts the item where it belongs from
   * there.
   */
  private siftUp(at: number): void {
    const { items } = this
    const { length } = items
    const item = items[at] as T
    let place = at
    for (let child = 2 * place + 1; child < length; child = 2 * place + 1) {
      const right = child + 1
      if (right < length && !this.isLess(items[child] as T, items[right] as T)) child = right
      items[place] = items[child] as T
      place = child
    }
    items[place] = item
    this.siftDown(at, place)
  }
}
