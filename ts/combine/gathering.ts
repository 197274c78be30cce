// The future of a gather. The order of events is asyncio's, step by step.
//
// In asyncio a gather of coroutines makes a task of each at once. Here their places in the ready
// ring are taken at once, and their names, but a task is made when its first step comes. So a task
// that ends in its first step dies young, which is what makes a hundred thousand of them cheap:
// what costs in large gathers is the garbage collector copying tasks that wait for nothing. Whoever
// asks for all tasks, or cancels the gather, has those made that are missing; nobody can tell the
// difference.
//
// The same generator given twice must run once. To find out costs a hash for each argument, so it
// is done only when something happens that a repeated generator could cause: see `isRepeat`.
//
// Invariants: 1. running = children that are started, or scheduled to start, and have not been
//                counted.
//             2. The gathering stands on the loop's list of tasks while tasks of it are not made.
//             3. children[i] is the future of argument i, once it is made and while its outcome is
//                of use; results[i] stands for it when it succeeded in its first step.

import type { AsyncResource } from 'node:async_hooks'
import { CancelledError } from '../errors/errors'
import type { Cancellation } from '../future/cancellation'
import { Future, isFuture } from '../future/future'
import { type DoneFuture, FutureState, type Waiter } from '../future/waiter'
import { isGenerator } from '../future/yielded'
import { captureContext } from '../loop/context'
import type { Runnable } from '../loop/handle'
import type { Linked } from '../loop/linked_list'
import { type EventLoop, Kind } from '../loop/loop'
import type { Coro } from '../task/coroutine'
import { ensureFuture } from '../task/create'
import { reserveTaskNumbers, Task, type TaskOptions } from '../task/task'
import type { UnmadeTasks } from '../task/unmade'

export class Gathering extends Future<unknown[]> implements Waiter, UnmadeTasks {
  static override readonly _isInner = true
  /** @internal */ _previous: Linked | null = null
  /** @internal */ _next: Linked | null = null
  private readonly children: (Future<unknown> | undefined)[]
  private readonly results: unknown[]
  /** One context for all: no code of the user's runs between the first child and the last. */
  private readonly options: TaskOptions & { context: AsyncResource }
  private readonly starter: Runnable = { run: () => this.startNext() }
  /** The numbers for names were taken all at once; this is the next. */
  private number: number
  /** A factory of the user's is called at once for each, as the user may see it called. */
  private readonly hasFactory: boolean
  /** How many have a place in the ready ring. */
  private inRing = 0
  /** Arguments up to here have a place in the ready ring, or had. */
  private scheduled = 0
  /** Arguments up to here have had their first step. */
  private started = 0
  private running = 0
  private cancelRequested = false
  /** Set while places are taken: what counts a child then need not take more. */
  private isScheduling = false
  /**
   * Where each argument was given first; null if none was given twice, undefined until it matters.
   */
  private firstPlaces: Map<unknown, number> | null | undefined = undefined

  constructor(
    loop: EventLoop,
    private readonly coros: readonly Coro<unknown>[],
    private readonly returnExceptions: boolean,
    private readonly limit: number,
  ) {
    super(loop)
    this.children = new Array<undefined>(coros.length).fill(undefined)
    this.results = new Array<undefined>(coros.length).fill(undefined)
    this.options = { context: captureContext('GyreTask') }
    this.hasFactory = loop.getTaskFactory() !== null
    this.number = this.hasFactory ? 0 : reserveTaskNumbers(coros.filter(isStartable).length)
    this.schedule()
  }

  /** A child is done: it is counted in a later turn, as a done callback of asyncio's would. */
  _wake(child: DoneFuture): void {
    const entry = child._state === FutureState.RESULT ? this : new ChildFailed(this, child)
    this._loop.ring.push(Kind.DONE_CALLBACK, entry)
  }

  _describeWaiter(): string {
    return 'gather()'
  }

  /** A child is counted. */
  run(): void {
    this.running--
    if (this._state !== FutureState.PENDING) return
    if (!this.isScheduling) this.schedule()
  }

  childFailed(child: Future<unknown>): void {
    if (this._state !== FutureState.PENDING) child._markRetrieved()
    else if (!this.returnExceptions) {
      if (child.cancelled()) this.setException(child._makeCancelledError())
      else this.setException(child.exception())
    }
    this.run()
  }

  /** The number in the name of the next task. */
  nextNumber(): number {
    return this.number++
  }

  /** Makes the tasks that have a place in the ring but were not made yet. */
  makeAll(): void {
    for (let index = this.started; index < this.scheduled; index++) {
      const isMissing = this.children[index] === undefined && isStartable(this.coros[index])
      if (isMissing && !this.isRepeat(index)) this.make(index)
    }
  }

  /** Cancels every child, as often as it was given. The gather itself ends when they have. */
  override _cancelWith(cancellation: Cancellation): boolean {
    if (this._state !== FutureState.PENDING) return false
    this.makeAll()
    let reached = false
    for (let index = 0; index < this.scheduled; index++) {
      const child = this.childAt(index)
      if (child?._cancelWith(cancellation)) reached = true
    }
    if (reached) this.cancelRequested = true
    return reached
  }

  /** Goes on with as many as the limit allows; completes when there are no more. */
  private schedule(): void {
    this.isScheduling = true
    while (this.mayStartMore()) this.takePlaces()
    this.isScheduling = false
    if (this._state === FutureState.PENDING && this.running === 0) this.complete()
  }

  private mayStartMore(): boolean {
    const hasMore = this.scheduled < this.coros.length && this.running < this.limit
    return hasMore && !this.cancelRequested && this._state === FutureState.PENDING
  }

  /** Takes places in the ready ring. */
  private takePlaces(): void {
    const done: Future<unknown>[] = []
    while (this.scheduled < this.coros.length && this.running < this.limit) {
      const index = this.scheduled++
      if (this.hasFactory || !isStartable(this.coros[index])) {
        const child = this.takeAtOnce(index)
        if (child !== null && child._state !== FutureState.PENDING) done.push(child)
        continue
      }
      this.running++
      if (this.inRing++ === 0) this._loop._tasks.add(this)
      this._loop.ring.push(Kind.HANDLE, this.starter)
    }
    // As in asyncio, those that are done already count behind the last that is started.
    for (const child of done) {
      if (child._state === FutureState.RESULT) this.run()
      else this.childFailed(child)
    }
  }

  /** What is a future already, or is made by the user's factory; null for what was given before. */
  private takeAtOnce(index: number): Future<unknown> | null {
    if (isStartable(this.coros[index]) && this.isRepeat(index)) return null
    const options = { ...this.options, loop: this._loop }
    const child = ensureFuture(this.coros[index] as Coro<unknown>, options)
    this.children[index] = child
    this.running++
    if (child._state === FutureState.PENDING) child._addWaiter(this)
    return child
  }

  /** The next argument that has a place in the ring takes its first step. */
  private startNext(): void {
    let index = this.started
    while (!isStartable(this.coros[index])) index++
    this.started = index + 1
    const made = this.children[index] as Task<unknown> | undefined
    if (made !== undefined) this.leaveRing(made)
    else this.makeAndStart(index)
  }

  private makeAndStart(index: number): void {
    const mustKnow = this.firstPlaces !== undefined || !isPlain(this.coros[index])
    if (mustKnow && this.isRepeat(index)) {
      this.leaveRing(this)
      return
    }
    const task = this.make(index)
    this.leaveRing(task)
    if (task._state !== FutureState.RESULT) this.findRepeats()
    else {
      this.children[index] = undefined
      const isRepeat = task._value === undefined && this.isRepeat(index)
      if (!isRepeat) this.results[index] = task._value
    }
  }

  /** One place in the ring is used up: by the first step of a task, or by counting a repeat. */
  private leaveRing(next: Runnable): void {
    if (--this.inRing === 0) this._loop._tasks.remove(this)
    next.run()
  }

  private make(index: number): Task<unknown> {
    const coro = this.coros[index] as Coro<unknown>
    const task = new Task(coro, this.options, this._loop, this)
    this.children[index] = task
    task._addWaiter(this)
    return task
  }

  /**
   * Whether this argument is a generator (or operation) that was given before. A generator that
   * ended in its first step gives undefined when it is stepped again; so the question is asked when
   * a first step gives undefined, and from the first child on that did not end in its first step.
   */
  private isRepeat(index: number): boolean {
    const coro = this.coros[index]
    if (typeof coro === 'function') return false
    const places = this.findRepeats()
    return places !== null && places.get(coro) !== index
  }

  private findRepeats(): Map<unknown, number> | null {
    if (this.firstPlaces === undefined) {
      const hasRepeats = new Set(this.coros).size < this.coros.length
      this.firstPlaces = hasRepeats ? placesOf(this.coros) : null
    }
    return this.firstPlaces
  }

  private placeOf(index: number): number {
    const places = this.firstPlaces
    if (places === undefined || places === null) return index
    const coro = this.coros[index]
    return typeof coro === 'function' ? index : (places.get(coro) as number)
  }

  private childAt(index: number): Future<unknown> | undefined {
    return this.children[this.placeOf(index)]
  }

  private complete(): void {
    if (this.cancelRequested) {
      // Whoever cancelled a gather gets a CancelledError, whatever became of the children. asyncio
      // takes that of the last argument, or one with the reason that this was last cancelled with.
      const last = this.childAt(this.scheduled - 1)
      const reason = last instanceof Task ? last._lastReason() : undefined
      const error = last?.cancelled()
        ? last._makeCancelledError()
        : new CancelledError(reason, this)
      this.setException(error)
      return
    }
    const { children, results } = this
    for (let index = 0; index < results.length; index++) {
      const place = this.placeOf(index)
      const child = children[place]
      results[index] = child === undefined ? results[place] : outcomeOf(child)
    }
    this.setResult(results)
  }
}

/** A child that failed or was cancelled, on its way through the ready ring. */
class ChildFailed implements Runnable {
  constructor(
    private readonly gathering: Gathering,
    private readonly child: DoneFuture,
  ) {}

  run(): void {
    this.gathering.childFailed(this.child as Future<unknown>)
  }
}

function outcomeOf(child: Future<unknown>): unknown {
  if (child._state === FutureState.RESULT) return child._value
  if (child._state === FutureState.CANCELLED) {
    const { reason, origin } = child._value as Cancellation
    return new CancelledError(reason, origin)
  }
  return child.exception()
}

/** Whether the argument becomes a task; a promise is wrapped, a future taken as it is. */
function isStartable(coro: unknown): boolean {
  return !isFuture(coro) && !(coro instanceof Promise)
}

/** Generators and functions show by themselves whether they ran before, or may run again. */
function isPlain(coro: unknown): boolean {
  return typeof coro === 'function' || isGenerator(coro)
}

function placesOf(coros: readonly unknown[]): Map<unknown, number> {
  const places = new Map<unknown, number>()
  coros.forEach((coro, index) => {
    if (!places.has(coro)) places.set(coro, index)
  })
  return places
}
