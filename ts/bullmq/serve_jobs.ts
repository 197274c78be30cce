// serveJobs: the worker's side of a BullExecutor. Jobs are tasks of the running loop.

import type { Job as BullJob, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { waitFor } from '../combine/timeouts'
import { checkDelay, checkInteger, invalidType } from '../errors/arguments'
import { CancelledError } from '../errors/errors'
import { JobModuleError, QueueConnectionError } from '../errors/executor_errors'
// Loaded here since jobs run side by side, and must be told apart.
import '../executors/current_job'
import { sendError } from '../executors/error_transport'
import { callInJob, Job } from '../executors/job'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import type { Coroutine } from '../task/coroutine'
import { wrap } from '../task/create'
import type { Task } from '../task/task'
import {
  checkConnection,
  loadBullmq,
  openClient,
  type RedisConnection,
  untilConnected,
} from './connection'
import { checkJson, isJson } from './json'
import { type BullData, type BullResult, cancelChannel, PREFIX } from './messages'

/** @internal A worker that renews its lock more often does little else. */
export const LOCK_MS_MIN = 100
/** @internal What Node's timers, by which BullMQ renews a lock, can wait for. */
export const LOCK_MS_MAX = 2 ** 31 - 1

/** Functions by the names of their jobs: plain, async, or generator functions. */
export type JobTable = Readonly<Record<string, (...args: never[]) => unknown>>

export interface ServeJobsOptions {
  /** The name of the queue. */
  queue: string
  connection: RedisConnection
  /** How many jobs run at once in this process. By default 8. */
  concurrency?: number | undefined
  /**
   * For how long a worker answers for a job without a sign of life. When one is killed, its jobs are given
   * to another after that. By default 30,000 milliseconds.
   */
  lockMs?: number | undefined
  /** How often a job may be taken over from a worker that died before it has failed. By default 3. */
  takeoversMax?: number | undefined
  /** How long jobs may go on when the serving ends. By default 10,000 milliseconds. */
  graceMs?: number | undefined
}

const CANCELLED_BY_SENDER = 'cancelled by its sender'
/** How many cancellations are kept for jobs that are not here. */
const AHEAD_MAX = 10_000

type Data = BullJob<BullData, BullResult>

class JobServer {
  private readonly tasks = new Map<string, Task<unknown>>()
  /** Cancelled jobs that are not here, the oldest first. */
  private readonly cancelledAhead = new Set<string>()
  /** Of those that run: cancelled by who sent them, so that no other worker is to run them. */
  private readonly cancelledBySender = new Set<string>()
  private readonly loop: EventLoop = schedulingLoop()
  private isEnding = false
  private isAway = false

  constructor(
    private readonly table: JobTable,
    private readonly options: ServeJobsOptions,
  ) {}

  *serve(): Coroutine<void> {
    const { queue, connection, concurrency = 8, lockMs = 30_000 } = this.options
    const { takeoversMax = 3, graceMs = 10_000 } = this.options
    const { Worker } = loadBullmq()
    const clients = [openClient(connection, true), openClient(connection, true)]
    const [client, subscriber] = clients as [Redis, Redis]
    // What fails is tried again; what cannot be reached at all is told by untilConnected.
    for (const each of clients) each.on('error', () => {})
    let worker: Worker | null = null
    const connecting = new AbortController()
    const { drainSignal } = this.loop
    const stop = () => {
      this.isEnding = true
      worker?.close().catch(() => {})
    }
    drainSignal.addEventListener('abort', stop)
    try {
      for (const each of clients) yield* wrap(untilConnected(each, connecting.signal))
      yield* wrap(this.listenForCancels(subscriber, queue))
      worker = new Worker(queue, async (job, token) => await this.work(job as Data, token), {
        connection: client,
        prefix: PREFIX,
        concurrency,
        lockDuration: lockMs,
        stalledInterval: lockMs,
        maxStalledCount: takeoversMax,
      })
      const back = () => {
        this.isAway = false
      }
      client.on('ready', back)
      worker.on('ready', back)
      worker.on('error', (error) => this.report(error, client))
      if (drainSignal.aborted) stop()
      yield* new Future<void>(this.loop)
    } finally {
      this.isEnding = true
      drainSignal.removeEventListener('abort', stop)
      connecting.abort()
      if (worker !== null) yield* this.close(worker, graceMs)
      for (const each of clients) each.disconnect()
    }
  }

  /** BullMQ tells of every attempt to connect. That Redis is away is said once, until it is back. */
  private report(error: Error, client: Redis): void {
    // One of its connections may hear of it before the other.
    if (client.status === 'ready' && !isOfConnection(error)) {
      const message = 'Error in a worker of BullMQ'
      this.loop.callExceptionHandler({ message, exception: error })
      return
    }
    if (this.isAway) return
    this.isAway = true
    const text = `Redis is away: ${error.message}. Jobs are served again when it is back`
    const exception = new QueueConnectionError(text, { cause: error })
    this.loop.callExceptionHandler({ message: 'A worker has lost its Redis', exception })
  }

  /** Takes no more jobs; those that run may go on for a while, and are cancelled then. */
  private *close(worker: Worker, graceMs: number): Coroutine<void> {
    const closed = wrap(worker.close())
    const timer = this.loop.callLater(graceMs, () => {
      for (const task of this.tasks.values()) task.cancel()
    })
    try {
      yield* closed
    } finally {
      timer.cancel()
    }
  }

  private async listenForCancels(subscriber: Redis, queue: string): Promise<void> {
    subscriber.on('message', (_channel, id: string) => this.cancel(id))
    await subscriber.subscribe(cancelChannel(PREFIX, queue))
  }

  /** A cancellation may come before its job, or be for the job of another worker. */
  private cancel(id: string): void {
    const task = this.tasks.get(id)
    if (task !== undefined) {
      this.cancelBySender(id, task)
      return
    }
    this.cancelledAhead.add(id)
    if (this.cancelledAhead.size <= AHEAD_MAX) return
    const [oldest] = this.cancelledAhead
    this.cancelledAhead.delete(oldest as string)
  }

  private cancelBySender(id: string, task: Task<unknown>): void {
    this.cancelledBySender.add(id)
    task.cancel(CANCELLED_BY_SENDER)
  }

  /** Runs a job; what it throws makes BullMQ try again, if there are tries left. */
  private async work(job: Data, token: string | undefined): Promise<BullResult> {
    const { args, isChunk, timeoutMs } = job.data
    const id = job.id as string
    const values: unknown[] = []
    try {
      const fn = this.functionOf(job.name)
      const steps = isChunk ? chunkSteps(fn, args, values) : callSteps(fn, args)
      const task = this.loop.createTask(limited(steps, timeoutMs), {
        name: `job ${job.name}`,
        drain: true,
      })
      this.tasks.set(id, task)
      if (this.cancelledAhead.delete(id)) this.cancelBySender(id, task)
      const value = await task
      return isChunk ? { values } : { value }
    } catch (error) {
      if (error instanceof CancelledError && this.isEnding && !this.cancelledBySender.has(id)) {
        // Its time was up, not its turn: another worker has it next.
        await job.moveToWait(token)
        throw new (loadBullmq().WaitingError)()
      }
      await job.updateData({ ...job.data, failure: { values, error: sendError(error, isJson) } })
      if (error instanceof CancelledError || error instanceof JobModuleError) {
        const { UnrecoverableError } = loadBullmq()
        throw new UnrecoverableError(error.message)
      }
      throw error instanceof Error ? error : new Error(String(error))
    } finally {
      this.tasks.delete(id)
      this.cancelledBySender.delete(id)
    }
  }

  private functionOf(name: string): (...args: unknown[]) => unknown {
    const fn = Object.hasOwn(this.table, name) ? this.table[name] : undefined
    if (typeof fn === 'function') return fn as (...args: unknown[]) => unknown
    const names = Object.keys(this.table).join(', ')
    throw new JobModuleError(`this worker has no job '${name}'; it has ${names}`)
  }
}

function isOfConnection(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return /^(ECONN|EPIPE|ETIMEDOUT)/.test(String(code)) || error.message === 'Connection is closed.'
}

function* limited<T>(steps: Coroutine<T>, timeoutMs: number | null): Coroutine<T> {
  return timeoutMs === null ? yield* steps : yield* waitFor(steps, timeoutMs)
}

function* callSteps(
  fn: (...args: unknown[]) => unknown,
  args: readonly unknown[],
): Coroutine<unknown> {
  const result = yield* callOnce(fn, args)
  checkJson(result, 'the result')
  return result
}

function* chunkSteps(
  fn: (...args: unknown[]) => unknown,
  args: readonly unknown[],
  values: unknown[],
): Coroutine<void> {
  for (const arg of args) {
    const result = yield* callOnce(fn, [arg])
    checkJson(result, 'the result')
    values.push(result ?? null)
  }
}

/** Calls a function as a task of its own, so that a cancellation reaches what it waits for. */
function* callOnce(
  fn: (...args: unknown[]) => unknown,
  args: readonly unknown[],
): Coroutine<unknown> {
  const loop = schedulingLoop()
  const job = new Job({
    isCancelled: () => task.cancelling() > 0,
    onCancel: (listener) => {
      if (task.cancelling() > 0) listener()
      else task.signal.addEventListener('abort', listener, { once: true })
    },
  })
  // The function hears of a cancellation when it is asked for: it may wait for nothing of the loop's.
  const task: Task<unknown> = loop.createTask(async () => {
    const made = callInJob(job, () => fn.apply(job, [...args]))
    const isGenerator = Object.prototype.toString.call(made) === '[object Generator]'
    return isGenerator ? await loop.createTask(made as Coroutine<unknown>) : await made
  })
  return yield* task
}

/**
 * Runs the jobs that BullExecutors send to a queue, until it is cancelled; then takes no more, and lets those
 * that run finish for `graceMs`. A job that this process has when it is killed is given to another worker:
 * at least once means that it may run twice. Rejects with QueueConnectionError where Redis cannot be reached
 * at the start; later it waits for Redis to come back.
 */
export function serveJobs(table: JobTable, options: ServeJobsOptions): Operation<void> {
  if (typeof table !== 'object' || table === null) {
    throw invalidType('table', 'an object of functions', table)
  }
  for (const [name, fn] of Object.entries(table)) {
    if (typeof fn !== 'function') throw invalidType(`table.${name}`, 'a function', fn)
  }
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  const { queue, connection, concurrency, lockMs, takeoversMax, graceMs } = options
  if (typeof queue !== 'string' || queue === '' || queue.includes(':')) {
    throw invalidType('options.queue', 'a name without colons', queue)
  }
  checkConnection(connection)
  if (concurrency !== undefined) checkInteger('options.concurrency', concurrency, 1)
  if (lockMs !== undefined) checkInteger('options.lockMs', lockMs, LOCK_MS_MIN, LOCK_MS_MAX)
  if (takeoversMax !== undefined) checkInteger('options.takeoversMax', takeoversMax, 0)
  if (graceMs !== undefined) checkDelay('options.graceMs', graceMs)
  return new GeneratorOperation('serveJobs', () => new JobServer(table, options).serve())
}
