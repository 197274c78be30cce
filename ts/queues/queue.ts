// Queue, after asyncio's (3.13): items from tasks that put to tasks that get.

import { inspect } from 'node:util'
import { checkInteger, checkObject, checkSwitch } from '../errors/arguments'
import { QueueEmpty, QueueFull, QueueShutDown, RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { Event } from '../sync/event'
import { Waiters } from '../sync/waiters'
import { type Step, WaitingOperation } from '../sync/waiting_operation'
import { FifoStore, type Store } from './store'

type Steps<T> = Generator<Future<unknown>, T, unknown>

export class Queue<T = unknown> implements AsyncIterable<T> {
  /** How many items it holds at the most; 0 or less for any number. */
  readonly maxsize: number
  private readonly store: Store<T>
  private readonly getters = new Waiters('queue')
  private readonly putters = new Waiters('queue')
  private unfinished = 0
  private readonly finished = new Event()
  private isShutdown = false

  /** Throws RangeError if `maxsize` is no whole number, nor Infinity: any number, as 0. */
  constructor(maxsize = 0) {
    if (maxsize !== Infinity) checkInteger('maxsize', maxsize, Number.MIN_SAFE_INTEGER)
    this.maxsize = maxsize
    this.store = this.makeStore()
    this.finished.set()
  }

  /** How many items it holds. */
  qsize(): number {
    return this.store.size
  }

  empty(): boolean {
    return this.store.size === 0
  }

  full(): boolean {
    return this.maxsize > 0 && this.store.size >= this.maxsize
  }

  /**
   * Waits while the queue is full, then puts the item in. Throws QueueShutDown after `shutdown`.
   */
  put(item: T): Operation<void> {
    return new Put(this, this.putters, item)
  }

  /** Puts the item in. Throws QueueFull or QueueShutDown. */
  putNowait(item: T): void {
    this._checkOpen()
    if (this.full()) throw new QueueFull()
    this.store.push(item)
    this.unfinished++
    this.finished.clear()
    this.getters.takeAndWakeNext()
  }

  /**
   * Waits for an item and takes it. Throws QueueShutDown after `shutdown`, once the queue is empty.
   */
  get(): Operation<T> {
    return new Get(this, this.getters, giveItem)
  }

  /** Takes an item. Throws QueueEmpty, or QueueShutDown. */
  getNowait(): T {
    if (this.empty()) {
      this._checkOpen()
      throw new QueueEmpty()
    }
    const item = this.store.pop()
    this.putters.takeAndWakeNext()
    return item
  }

  /** Says that one item that was taken is dealt with. Throws RuntimeError if there is none left. */
  taskDone(): void {
    if (this.unfinished === 0) {
      const message = 'taskDone() called too many times: once for each item that was put is enough'
      throw new RuntimeError(message, 'ERR_TASK_DONE')
    }
    this.unfinished--
    if (this.unfinished === 0) this.finished.set()
  }

  /** Waits until `taskDone` was called for every item that was put. */
  join(): Operation<void> {
    return new GeneratorOperation('Queue.join', () => this.joinSteps())
  }

  /**
   * Ends the queue: nothing can be put any more; what it holds can be taken, then getting throws
   * QueueShutDown. With `immediate` what it holds is dropped, and counts as done.
   */
  shutdown(options: { immediate?: boolean } = {}): void {
    checkObject('options', options)
    checkSwitch('options.immediate', options.immediate)
    this.isShutdown = true
    if (options.immediate === true) {
      while (!this.empty()) {
        this.store.pop()
        if (this.unfinished > 0) this.unfinished--
      }
      if (this.unfinished === 0) this.finished.set()
    }
    this.getters.takeAndWakeAll()
    this.putters.takeAndWakeAll()
  }

  /** The items, as they come, until the queue is shut down. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let item: [T]
      try {
        item = await new Get(this, this.getters, boxItem)
      } catch (error) {
        if (error instanceof QueueShutDown) return
        throw error
      }
      yield item[0]
    }
  }

  [inspect.custom](): string {
    const parts = [`maxsize=${this.maxsize}`]
    if (!this.empty()) parts.push(`items=${this.qsize()}`)
    if (this.getters.size > 0) parts.push(`getters=${this.getters.size}`)
    if (this.putters.size > 0) parts.push(`putters=${this.putters.size}`)
    if (this.unfinished > 0) parts.push(`tasks=${this.unfinished}`)
    if (this.isShutdown) parts.push('shutdown')
    return `<${this.constructor.name} ${parts.join(' ')}>`
  }

  /** @internal Throws QueueShutDown after shutdown. */
  _checkOpen(): void {
    if (this.isShutdown) throw new QueueShutDown()
  }

  /** For subclasses: what the items are kept in. */
  protected makeStore(): Store<T> {
    return new FifoStore<T>()
  }

  private *joinSteps(): Steps<void> {
    if (this.unfinished > 0) yield* this.finished.wait()
  }
}

class Put<T> extends WaitingOperation<void> {
  protected isBegun = false
  protected waiter: Future<void> | null = null

  constructor(
    private readonly queue: Queue<T>,
    protected readonly waiters: Waiters,
    private readonly item: T,
  ) {
    super()
  }

  get _name(): string {
    return 'Queue.put'
  }

  override next(given?: unknown): Step<void> {
    if (this.waiter !== null || this.queue.full()) return super.next(given)
    this.queue.putNowait(this.item)
    return { value: undefined, done: true }
  }

  protected attempt(): Step<void> | null {
    if (this.queue.full()) {
      this.queue._checkOpen()
      return null
    }
    this.queue.putNowait(this.item)
    return { value: undefined, done: true }
  }

  protected abandoned(waiter: Future<void>): void {
    if (!this.queue.full()) passOn(waiter, this.waiters)
  }
}

class Get<T, R> extends WaitingOperation<R> {
  protected isBegun = false
  protected waiter: Future<void> | null = null

  constructor(
    private readonly queue: Queue<T>,
    protected readonly waiters: Waiters,
    private readonly wrap: (item: T) => R,
  ) {
    super()
  }

  get _name(): string {
    return 'Queue.get'
  }

  override next(given?: unknown): Step<R> {
    if (this.waiter !== null || this.queue.empty()) return super.next(given)
    return { value: this.wrap(this.queue.getNowait()), done: true }
  }

  protected attempt(): Step<R> | null {
    if (this.queue.empty()) {
      this.queue._checkOpen()
      return null
    }
    return { value: this.wrap(this.queue.getNowait()), done: true }
  }

  protected abandoned(waiter: Future<void>): void {
    if (!this.queue.empty()) passOn(waiter, this.waiters)
  }
}

/** One who was woken and does not use it wakes the next. */
function passOn(waiter: Future<void>, waiters: Waiters): void {
  const wasWoken = waiter.done() && !waiter.cancelled()
  if (wasWoken) waiters.takeAndWakeNext()
}

function giveItem<T>(item: T): T {
  return item
}

/** `await` would open a promise that is an item. */
function boxItem<T>(item: T): [T] {
  return [item]
}
