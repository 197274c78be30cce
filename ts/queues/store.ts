// What a queue keeps its items in: in order of arrival, the newest first, or by priority.

export interface Store<T> {
  readonly size: number
  push(item: T): void
  /** REQUIRES: size > 0. */
  pop(): T
}

/** The room for items in a chunk: the first of a queue is small, as most queues are. */
const CHUNK_ROOM_MIN = 16
const CHUNK_ROOM_MAX = 1024

/** A piece of a FifoStore. Items stand from `first` up to but not including `end`. */
class Chunk<T> {
  first = 0
  end = 0
  next: Chunk<T> | null = null
  readonly items: (T | undefined)[]

  constructor(room: number) {
    this.items = new Array<T | undefined>(room).fill(undefined)
  }
}

/**
 * First in, first out: a list of chunks. One array would be moved by each shift(), and a ring that
 * grows would be copied, and stay large.
 */
export class FifoStore<T> implements Store<T> {
  private head = new Chunk<T>(CHUNK_ROOM_MIN)
  private tail = this.head
  size = 0

  push(item: T): void {
    let { tail } = this
    const room = tail.items.length
    if (tail.end === room) {
      tail.next = new Chunk<T>(Math.min(room * 2, CHUNK_ROOM_MAX))
      tail = tail.next
      this.tail = tail
    }
    tail.items[tail.end++] = item
    this.size++
  }

  pop(): T {
    const { head } = this
    const item = head.items[head.first] as T
    head.items[head.first++] = undefined
    this.size--
    if (head.first === head.end) this.leave(head)
    return item
  }

  /** The chunk is empty: goes on to the next one, or begins again in this one. */
  private leave(head: Chunk<T>): void {
    if (head.next !== null) {
      this.head = head.next
      return
    }
    head.first = 0
    head.end = 0
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
