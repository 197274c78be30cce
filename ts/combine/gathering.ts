// The future of a gather. The order of events is asyncio's, step by step.
//
// In asyncio a gather of coroutines makes a task of each at once. Here their places in the ready
// ring are taken at once, and their names, but a task is made when somebody needs it: a generator
// that ends in its first step, and asks nobody who it is, never becomes one. That is what makes a
// hundred thousand children cheap, for what costs in large gathers is the garbage collector.
// Neighbours share one entry of the ring, on the way in and on the way out, as nothing can come
// between them. Whoever asks for all tasks, or cancels the gather, has those made that are missing;
// nobody can tell the difference.
//
// Invariants: 1. running = children that are started, or scheduled to start, and have not been
//                counted.
//             2. The gathering stands on the loop's list of tasks while tasks of it are not made.
//             3. children[i] is the future of argument i, once it is made and while its outcome is
//                of use; results[i] stands for it when it succeeded in its first step. `children`
//                is null until there is one.

import type { AsyncResource } from 'node:async_hooks'
import { type Cancellation, makeCancelledError } from '../future/cancellation'
import { FIRST_STEP } from '../future/coroutine_in_use'
import { Future } from '../future/future'
import { stepping, type TaskMaker } from '../future/stepping'
import { type DoneFuture, FutureState, type Waiter } from '../future/waiter'
import { captureContext } from '../loop/context'
import type { Linked } from '../loop/linked_list'
import { type EventLoop, Kind } from '../loop/loop'
import { makeAdmitted } from '../task/admit'
import type { Coro, Coroutine } from '../task/coroutine'
import { ensureFuture } from '../task/create'
import { reserveTaskNumbers } from '../task/numbers'
import type { TaskOptions } from '../task/options'
import { Task } from '../task/task'
import type { UnmadeTasks } from '../task/unmade'
import { ChildKind, isStartable } from './child_kind'
import { ChildFailed, Counts, FirstSteps } from './gathering_entries'
import { Repeats } from './repeats'

export class Gathering extends Future<unknown[]> implements Waiter, UnmadeTasks, TaskMaker {
  static override readonly _isInner = true
  /** @internal */ _previous: Linked | null = null
  /** @internal */ _next: Linked | null = null
  private children: (Future<unknown> | undefined)[] | null = null
  private readonly results: unknown[]
  /** One context for all: no code of the user's runs between the first child and the last. */
  private readonly options: TaskOptions & { context: AsyncResource; loop: EventLoop }
  /** The numbers for names were taken all at once; this is that of argument `numbered`. */
  private number: number
  private numbered = 0
  /**
   * Tasks are made at once: a factory of the user's may be seen being called, and debug mode times each
   * step by itself.
   */
  private readonly isEager: boolean
  /** How many have a place in the ready ring. */
  private inRing = 0
  /** Arguments up to here have a place in the ready ring, or had. */
  private scheduled = 0
  /** Arguments up to here have had their first step, or are in it. */
  private started = 0
  /** The argument that is in its first step, without a task yet; -1 if none. */
  private stepped = -1
  /** The newest entry that counts children. */
  private counts: Counts | null = null
  private running = 0
  private cancelRequested = false
  /** The cancellation that came between children: those before were done, and the next did not begin. */
  private between: Cancellation | null = null
  /** Set while places are taken: what counts a child then need not take more. */
  private isScheduling = false
  /** Which first steps of generators gave undefined, and which something else. */
  private hasNothing = false
  private hasSomething = false
  private readonly repeats: Repeats

  constructor(
    loop: EventLoop,
    private readonly coros: readonly Coro<unknown>[],
    private readonly kinds: Uint8Array,
    /** How many arguments become tasks. */
    private readonly startable: number,
    private readonly returnExceptions: boolean,
    private readonly limit: number,
    readonly isFamily: boolean,
  ) {
    super(loop)
    this.repeats = new Repeats(coros, kinds)
    this.results = new Array<undefined>(coros.length).fill(undefined)
    this.options = { context: captureContext('GyreTask'), loop }
    this.isEager = loop.getTaskFactory() !== null || loop.getDebug()
    this.number = this.isEager ? 0 : reserveTaskNumbers(startable)
    this.schedule()
  }

  /** A child is done: it is counted in a later turn, as a done callback of asyncio's would. */
  _wake(child: DoneFuture): void {
    const isOutcome = this.returnExceptions && child._state === FutureState.CANCELLED
    if (isOutcome || child._state === FutureState.RESULT) this.countLater()
    else this._loop.ring.push(Kind.DONE_CALLBACK, new ChildFailed(this, child))
  }

  _describeWaiter(): string {
    return 'gather()'
  }

  /** A child is counted. */
  run(): void {
    this.countDone(1)
  }

  /** @internal */
  countDone(count: number): void {
    this.running -= count
    if (this._state !== FutureState.PENDING) return
    if (!this.isScheduling) this.schedule()
  }

  /** @internal */
  childFailed(child: Future<unknown>): void {
    if (this._state !== FutureState.PENDING) child._markRetrieved()
    else if (!this.returnExceptions) {
      if (child.cancelled()) this.setException(child._makeCancelledError())
      else this.setException(child.exception())
    }
    this.countDone(1)
  }

  /** @internal The number in the name of the task that is being made. */
  taskNumber(): number {
    return this.number
  }

  /** @internal Makes the tasks that have a place in the ring but were not made yet. */
  makeAll(): void {
    if (this.stepped !== -1) this.makeCurrent()
    for (let index = this.started; index < this.scheduled; index++) {
      const isMissing = !this.children?.[index] && isStartable(this.kinds[index]!)
      if (isMissing && !this.repeats.has(index)) this.make(index)
    }
  }

  /** @internal The child that is in its first step asks who it is: it becomes a task. */
  makeCurrent(): Task<unknown> {
    const task = this.make(this.stepped)
    task._beganAs(this.coros[this.stepped] as Coroutine<unknown>)
    this.started = this.stepped + 1
    this.stepped = -1
    stepping.maker = null
    stepping.task = task
    return task
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
    if (!reached) {
      // asyncio has no limit. Here others would begin, and the cancellation would have to wait for them.
      if (this.scheduled === this.coros.length) return false
      this.between = cancellation
    }
    this.cancelRequested = true
    return true
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
      if (this.isEager || !isStartable(this.kinds[this.scheduled]!)) {
        const child = this.takeAtOnce(this.scheduled++)
        if (child !== null && child._state !== FutureState.PENDING) done.push(child)
      } else this.takeNeighbours()
    }
    // As in asyncio, those that are done already count behind the last that is started.
    for (const child of done) {
      if (child._state === FutureState.RESULT) {
        // Somebody else who waited may be cancelled before he gets it: see task/opening.ts.
        child.result()
        this.countDone(1)
      } else this.childFailed(child)
    }
  }

  /** What is a future already, or is made at once; null for what was given before. */
  private takeAtOnce(index: number): Future<unknown> | null {
    if (isStartable(this.kinds[index]!) && this.repeats.has(index)) return null
    const child = this.futureOf(index)
    // Of a future that an eager child has completed meanwhile, the first place alone counts.
    if (this.isEager && child._state !== FutureState.PENDING && this.repeats.has(index)) return null
    this.setChild(index, child)
    this.running++
    if (child._state === FutureState.PENDING) child._addWaiter(this)
    return child
  }

  private futureOf(index: number): Future<unknown> {
    const coro = this.coros[index] as Coro<unknown>
    return isStartable(this.kinds[index]!) ? this.taskOf(coro) : ensureFuture(coro, this.options)
  }

  private taskOf(coro: Coro<unknown>): Future<unknown> {
    const make = () => ensureFuture(coro, this.options)
    return makeAdmitted(this._loop, this.isFamily, make)
  }

  /** One place in the ready ring for the next arguments that start in a row. */
  private takeNeighbours(): void {
    const { kinds } = this
    const first = this.scheduled
    const most = Math.min(kinds.length, first + this.limit - this.running)
    let end = this.startable === kinds.length ? most : first + 1
    while (end < most && isStartable(kinds[end]!)) end++
    this.scheduled = end
    this.running += end - first
    if (this.inRing === 0) this._loop._tasks.add(this)
    this.inRing += end - first
    this._loop.ring.push(Kind.HANDLE, new FirstSteps(this, this.options.context, first, end))
  }

  /** @internal The first steps of the arguments from `first` on; returns where it stopped. */
  takeFirstSteps(first: number, end: number): number {
    let index = first
    // An error that ends the loop leaves the others in the ring.
    while (index < end && (index === first || this._loop._interruption === null)) {
      const begin = index
      const areAllAlone = this.children === null && !this.repeats.areKnown
      if (areAllAlone && this.kinds[index] === ChildKind.GENERATOR) {
        index = this.stepGenerators(index, end)
      } else this.takeFirstStep(index++)
      this.inRing -= index - begin
      if (this.inRing === 0) this._loop._tasks.remove(this)
    }
    return index
  }

  private takeFirstStep(index: number): void {
    this.started = index + 1
    const kind = this.kinds[index]!
    const made = this.children?.[index] as Task<unknown> | undefined
    if (made !== undefined) made._step()
    else if ((this.repeats.areKnown || kind === ChildKind.OTHER) && this.repeats.has(index)) {
      this.countDone(1)
    } else if (kind === ChildKind.GENERATOR) {
      this.stepGenerators(index, index + 1)
    } else {
      const task = this.make(index)
      task._step()
      this.firstStepTaken(index, task)
    }
  }

  /**
   * The first steps of generators that stand side by side: up to `end`, or to the first that does not end
   * in its step, which becomes a task. Returns where it stopped.
   */
  private stepGenerators(first: number, end: number): number {
    const { coros, kinds, _loop: loop } = this
    let index = first
    let step: IteratorResult<Future<unknown>, unknown> | undefined
    let counts: Counts | null = null
    let task: Task<unknown>
    stepping.maker = this
    try {
      do {
        this.stepped = index
        step = (coros[index] as Coroutine<unknown>).next(FIRST_STEP)
        // A step in which somebody asked for its task, or for all, is the last of these.
        if (step.done !== true || this.stepped === -1) break
        this.recordResult(index, step.value)
        if (counts !== null && loop.ring.isNewest(counts)) counts.count++
        else counts = this.countLater()
        step = undefined
        index++
      } while (index < end && kinds[index] === ChildKind.GENERATOR && loop._interruption === null)
      if (step === undefined) {
        this.stepped = -1
        this.started = index
        return index
      }
      task = this.currentTask(index)
      task._takeStep(step)
    } catch (failure) {
      task = this.currentTask(index)
      task._fail(failure)
    } finally {
      stepping.maker = null
      stepping.task = null
    }
    this.firstStepTaken(index, task)
    return index + 1
  }

  private currentTask(index: number): Task<unknown> {
    return this.stepped === -1 ? (this.children![index] as Task<unknown>) : this.makeCurrent()
  }

  private firstStepTaken(index: number, task: Task<unknown>): void {
    if (task._state === FutureState.RESULT) {
      this.children![index] = undefined
      this.recordResult(index, task._value)
    } else this.repeats.find()
  }

  private recordResult(index: number, value: unknown): void {
    this.results[index] = value
    if (value === undefined) this.hasNothing = true
    else this.hasSomething = true
  }

  /** A child is done: it is counted in a later turn, together with its neighbours. */
  private countLater(): Counts {
    const { ring, _turnCount: turn } = this._loop
    const { counts } = this
    // An entry of the turn before stands in this turn, and what ends now counts in the next.
    if (counts !== null && counts.turn === turn && ring.isNewest(counts)) {
      counts.count++
      return counts
    }
    this.counts = new Counts(this, turn)
    ring.push(Kind.DONE_CALLBACK, this.counts)
    return this.counts
  }

  private setChild(index: number, child: Future<unknown>): void {
    this.children ??= new Array<undefined>(this.coros.length).fill(undefined)
    this.children[index] = child
  }

  /** REQUIRES: no argument behind this one is made yet. */
  private make(index: number): Task<unknown> {
    for (; this.numbered < index; this.numbered++) {
      if (isStartable(this.kinds[this.numbered]!)) this.number++
    }
    const coro = this.coros[index] as Coro<unknown>
    const task = new Task(coro, this.options, this._loop, this)
    this.setChild(index, task)
    task._addWaiter(this)
    return task
  }

  private childAt(index: number): Future<unknown> | undefined {
    return this.children?.[this.repeats.placeOf(index)]
  }

  private complete(): void {
    if (this.between !== null) {
      this.setException(this.between.makeError(this))
      return
    }
    if (this.cancelRequested) {
      // Whoever cancelled a gather gets a CancelledError, whatever became of the children. asyncio
      // takes that of the last argument, or one with the reason that this was last cancelled with.
      const last = this.childAt(this.scheduled - 1)
      const reason = last instanceof Task ? last._lastReason() : undefined
      const error = last?.cancelled()
        ? last._makeCancelledError()
        : makeCancelledError(reason, this)
      this.setException(error)
      return
    }
    if (this.hasNothing && this.hasSomething) this.repeats.find()
    if (this.children !== null || this.repeats.exist) this.collectResults()
    this.setResult(this.results)
  }

  private collectResults(): void {
    const { children, results } = this
    for (let index = 0; index < results.length; index++) {
      const place = this.repeats.placeOf(index)
      const child = children?.[place]
      results[index] = child === undefined ? results[place] : outcomeOf(child)
    }
  }
}

function outcomeOf(child: Future<unknown>): unknown {
  if (child._state === FutureState.RESULT) return child._value
  if (child._state === FutureState.CANCELLED) return child._cancelledOutcome()
  return child.exception()
}
