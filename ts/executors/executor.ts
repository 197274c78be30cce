// Executor: what thread pools and process pools are to a program. It keeps the queue and the futures; the
// workers are its host's affair.
//
// Invariants: 1. A job is in `queue` (not started), among the `running` (a worker has it), or over.
//             2. At most maxWorkers workers are busy. A job that was cancelled but not terminated keeps its
//                worker busy until its function has ended. A worker may be free, and have the next job,
//                a moment before its job is over here: the reply is on its way then.
//             3. While a job is in the queue, all workers are busy.

import { availableParallelism } from 'node:os'
import { checkInteger, checkObject, checkSwitch, invalidType } from '../errors/arguments'
import { QueueFull, RuntimeError } from '../errors/errors'
import { BrokenExecutorError } from '../errors/executor_errors'
import { Future } from '../future/future'
import { LinkedList } from '../loop/linked_list'
import { getEventLoop, schedulingLoop } from '../loop/running'
import { receiveError } from './error_transport'
import type { Ending, StrayErrorListener, WorkerHost } from './host'
import {
  type JobFunction,
  type ModuleFunction,
  type StandaloneFunction,
  specOf,
} from './job_function'
import { JobFuture, type JobOwner } from './job_future'
import { JobResults, type MapOptions, type MapSource } from './map'
import type { Initializer } from './messages'
import { completeTraceOf, type SubmitTrace, submittedAt, traceOf } from './submit_trace'
import { Transfer } from './transfer'

export interface ExecutorOptions {
  /** How many jobs run at once; by default as many as the machine runs in parallel. */
  maxWorkers?: number | undefined
  /** How many jobs may wait for a worker; by default any number. */
  maxQueue?: number | undefined
  /** Whether cancelling a running job ends its worker, instead of only telling the job. */
  terminate?: boolean | undefined
  /** Called in each worker before its first job; what it throws breaks the executor. */
  initializer?: JobFunction<never[], unknown> | undefined
  /** The arguments of the initializer. */
  initArgs?: readonly unknown[] | undefined
}

export interface ExecutorShutdownOptions {
  /** Whether the future waits for the jobs that are left and for the workers. By default true. */
  wait?: boolean | undefined
  /** Whether jobs that were not started are cancelled. By default false. */
  cancelFutures?: boolean | undefined
}

/** OPEN takes jobs. SHUT DOWN runs what it has. BROKEN: the initializer failed, and nothing runs. */
const State = { OPEN: 0, SHUT_DOWN: 1, BROKEN: 2 } as const
type State = (typeof State)[keyof typeof State]

/** @internal What the options come to. */
export interface CheckedOptions {
  readonly maxWorkers: number
  readonly maxQueue: number
  readonly terminate: boolean
  readonly initializer: Initializer | null
}

/** @internal Throws TypeError and RangeError. */
export function checkOptions(options: ExecutorOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  const { maxWorkers = availableParallelism(), maxQueue = Infinity, terminate = false } = options
  checkInteger('options.maxWorkers', maxWorkers, 1, 4096)
  if (maxQueue !== Infinity) checkInteger('options.maxQueue', maxQueue, 0)
  checkSwitch('options.terminate', terminate)
  const { initializer, initArgs = [] } = options
  if (!Array.isArray(initArgs)) throw invalidType('options.initArgs', 'an array', initArgs)
  if (initArgs.some((arg) => arg instanceof Transfer)) {
    const expected = 'without transfer(): each worker gets them anew'
    throw invalidType('options.initArgs', expected, initArgs)
  }
  return {
    maxWorkers,
    maxQueue,
    terminate,
    initializer: initializer === undefined ? null : { spec: specOf(initializer), args: initArgs },
  }
}

export abstract class Executor implements JobOwner {
  private state: State = State.OPEN
  private breakage: unknown = null
  private readonly queue = new LinkedList()
  private queued = 0
  private running = 0
  private busy = 0
  private closed: Promise<void> | null = null
  private readonly closeWaiters: Future<void>[] = []
  private roomWaiters: (() => void)[] = []

  /** @internal */
  protected constructor(
    private readonly options: CheckedOptions,
    private readonly host: WorkerHost,
  ) {
    // A host whose workers cannot take the initializer's arguments must not be made at all.
    if (options.initializer !== null) host.pack(options.initializer.args)
  }

  /** How many jobs run at once at most. */
  get maxWorkers(): number {
    return this.options.maxWorkers
  }

  /** How many jobs wait for a worker. */
  get queueSize(): number {
    return this.queued
  }

  /**
   * Runs `fn(...args)` in a worker. The future brings what it returns, or what it throws, as itself.
   * Cancelling the future takes a job that was not started out of the queue, and aborts the signal of
   * one that is running; with `terminate` it ends its worker.
   *
   * Throws NotSendableError for a function that does not stand alone and for arguments that cannot be
   * cloned, JobModuleError, QueueFull when `maxQueue` jobs wait, BrokenExecutorError, and RuntimeError
   * after `shutdown`.
   */
  submit<A extends readonly unknown[], R>(
    fn: StandaloneFunction<A, R>,
    ...args: A
  ): Future<Awaited<R>>
  submit<R = unknown>(fn: ModuleFunction, ...args: unknown[]): Future<Awaited<R>>
  submit(fn: JobFunction<never[], unknown>, ...args: unknown[]): Future<unknown> {
    return this._submit(fn, args, false, traceOf(this.submit))
  }

  /**
   * Calls `fn(item)` for every item of `items`, which is pulled as workers become free, and gives the
   * results in order. What it throws is in submit's list, QueueFull apart: it waits for room.
   */
  map<T, R>(
    fn: StandaloneFunction<[T], R>,
    items: MapSource<T>,
    options?: MapOptions,
  ): JobResults<Awaited<R>>
  map<R = unknown>(
    fn: ModuleFunction,
    items: MapSource<unknown>,
    options?: MapOptions,
  ): JobResults<Awaited<R>>
  map(
    fn: JobFunction<never[], unknown>,
    items: MapSource<unknown>,
    options: MapOptions = {},
  ): JobResults<unknown> {
    specOf(fn)
    this.checkOpen()
    return new JobResults(this, fn, items, options, completeTraceOf(this.map))
  }

  /**
   * Takes no more jobs; runs those it has, or cancels those that were not started; ends the workers.
   * The future is done when all that is over, or at once without `wait`. May be called again.
   */
  shutdown(options: ExecutorShutdownOptions = {}): Future<void> {
    checkObject('options', options)
    const { wait = true, cancelFutures = false } = options
    if (this.state === State.OPEN) this.state = State.SHUT_DOWN
    if (cancelFutures) this.cancelQueued()
    this.closeIfOver()
    const future = new Future<void>(schedulingLoop())
    if (!wait) future.setResult(undefined)
    else if (this.closed === null) this.closeWaiters.push(future)
    else void this.closed.then(() => complete(future))
    return future
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  /** @internal `trace`: who submitted it. */
  _submit(
    fn: unknown,
    args: readonly unknown[],
    isChunk: boolean,
    trace: SubmitTrace,
  ): JobFuture<unknown> {
    const spec = specOf(fn)
    this.checkOpen()
    if (!this._hasRoom()) {
      const { maxQueue } = this.options
      throw new QueueFull(`${maxQueue} jobs wait for a worker already, which is maxQueue`)
    }
    const packed = this.host.pack(args)
    const job = new JobFuture<unknown>(schedulingLoop(), this, spec, packed, isChunk, trace)
    if (this.busy < this.options.maxWorkers) this.start(job)
    else {
      this.queue.add(job)
      this.queued++
    }
    return job
  }

  /** @internal Whether a job can be submitted now. */
  _hasRoom(): boolean {
    const { maxWorkers, maxQueue } = this.options
    return this.busy < maxWorkers || this.queued < maxQueue
  }

  /** @internal Calls `listener` once when a job can be submitted, or none ever. */
  _onRoom(listener: () => void): void {
    this.roomWaiters.push(listener)
  }

  /** @internal */
  jobCancelled(job: JobFuture<unknown>): void {
    if (job.isStarted) {
      if (this.options.terminate) job.running?.terminate()
      else job.running?.cancel()
      return
    }
    this.queue.remove(job)
    this.queued--
    this.roomChanged()
    this.closeIfOver()
  }

  private checkOpen(): void {
    if (this.state === State.BROKEN) throw this.brokenError()
    if (this.state !== State.OPEN) {
      const message = 'cannot submit to an executor after its shutdown'
      throw new RuntimeError(message, 'ERR_EXECUTOR_SHUT_DOWN')
    }
  }

  private start(job: JobFuture<unknown>): void {
    job.isStarted = true
    this.running++
    this.busy++
    try {
      job.running = this.host.start(job)
    } catch (error) {
      this.workerFreed()
      this.jobEnded(job, { kind: 'lost', error: error as Error })
    }
  }

  /** @internal */
  workerFreed(): void {
    this.busy--
    if (this.state !== State.BROKEN) this.startNext()
  }

  /** @internal */
  jobEnded(job: JobFuture<unknown>, ending: Ending): void {
    this.running--
    job.running = null
    if (ending.kind === 'broken') {
      this.break(receiveError(ending.error, null))
      job.fail(this.brokenError())
    } else settle(job, ending)
    this.roomChanged()
    this.closeIfOver()
  }

  private startNext(): void {
    while (this.queued > 0 && this.busy < this.options.maxWorkers) {
      this.start(this.takeFirst() as JobFuture<unknown>)
    }
  }

  private takeFirst(): JobFuture<unknown> | null {
    const job = this.queue.first as JobFuture<unknown> | null
    if (job === null) return null
    this.queue.remove(job)
    this.queued--
    return job
  }

  private break(error: unknown): void {
    if (this.state === State.BROKEN) return
    this.state = State.BROKEN
    this.breakage = error
    for (let job = this.takeFirst(); job !== null; job = this.takeFirst()) {
      job.fail(this.brokenError())
    }
  }

  private brokenError(): BrokenExecutorError {
    const { breakage } = this
    const why = breakage instanceof Error ? breakage.message : String(breakage)
    return new BrokenExecutorError(`the initializer of the executor failed: ${why}`, {
      cause: breakage,
    })
  }

  private cancelQueued(): void {
    for (const job of [...this.queue]) (job as JobFuture<unknown>).cancel()
  }

  private roomChanged(): void {
    if (this.roomWaiters.length === 0) return
    if (this.state === State.OPEN && !this._hasRoom()) return
    for (const waiter of this.roomWaiters.splice(0)) waiter()
  }

  private closeIfOver(): void {
    if (this.state === State.OPEN || this.queued > 0 || this.running > 0) return
    if (this.closed !== null) return
    this.closed = this.host.close()
    for (const waiter of this.closeWaiters.splice(0)) {
      void this.closed.then(() => complete(waiter))
    }
  }
}

function complete(future: Future<void>): void {
  if (!future.done() && !future.getLoop().isClosed()) future.setResult(undefined)
}

/** Tells the one who waits for a job what became of it. */
function settle(job: JobFuture<unknown>, ending: Exclude<Ending, { kind: 'broken' }>): void {
  switch (ending.kind) {
    case 'result':
      job.succeed(ending.value)
      break
    case 'results': {
      const { values, error } = ending
      job.succeed({
        values,
        error: error && { thrown: receiveError(error, submittedAt(job.trace)) },
      })
      break
    }
    case 'threw':
      job.failWith(ending.error)
      break
    case 'lost':
      job.fail(ending.error)
      break
  }
}

/** @internal For errors of workers that run no job: whichever loop is there hears of them. */
export const reportStrayError: StrayErrorListener = (exception) => {
  getEventLoop().callExceptionHandler({
    message: 'Error in a worker that runs no job',
    exception,
  })
}
