// BullExecutor: the submit and map of the pools, over BullMQ on Redis, for workers on any machine.
//
// Invariants: 1. A job stands in `pending` from submit until its future is done.
//             2. What Redis tells while a connection is away is asked for when it is back, and what could not
//                be told to Redis is told then.

import { randomUUID } from 'node:crypto'
import type { Job, Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import { checkDelay, checkInteger, checkObject, invalidType } from '../errors/arguments'
import { QueueFull, RuntimeError } from '../errors/errors'
import { QueueConnectionError } from '../errors/executor_errors'
import { receiveError } from '../executors/error_transport'
import type { ExecutorShutdownOptions } from '../executors/executor'
import { JobResults, type MapOptions, type MapSource } from '../executors/map'
import { completeTraceOf, type SubmitTrace, submittedAt, traceOf } from '../executors/submit_trace'
import type { Cancellation } from '../future/cancellation'
import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import {
  checkConnection,
  loadBullmq,
  openClient,
  type RedisConnection,
  untilConnected,
} from './connection'
import { checkJson } from './json'
import { type BullData, type BullFailure, type BullResult, cancelChannel, PREFIX } from './messages'

export interface BullExecutorOptions {
  /** The name of the queue; workers of that name take its jobs. */
  queue: string
  connection: RedisConnection
  /** How often a job is tried before it has failed. By default 1. */
  attempts?: number | undefined
  /** The pause before the second try, doubled before each further one. By default 1,000 ms. */
  backoffMs?: number | undefined
  /** How long a try may take before it fails with TimeoutError. By default any time. */
  timeoutMs?: number | undefined
  /** How many jobs may be under way before submit throws QueueFull. By default any number. */
  maxQueue?: number | undefined
  /** How long Redis may be away before the futures of all jobs fail. By default 30,000 ms. */
  lostMs?: number | undefined
}

/** More is one millisecond for Node's timers. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1
/** How many chunks of a map are under way, unless its bufferSize says otherwise, is twice this. */
const MAP_WIDTH = 8
const FORGOTTEN = 'Redis went away and came back without the job: it keeps nothing, or was emptied'
/** How long results are kept for an executor whose connection is away. */
const KEEP_SECONDS = 3_600

class BullFuture extends Future<unknown> {
  static override readonly _isInner = true
  /** Whether Redis has confirmed that it has the job. */
  isSent = false

  constructor(
    loop: EventLoop,
    private readonly owner: { jobCancelled(future: BullFuture): void },
    readonly id: string,
    readonly isChunk: boolean,
    readonly trace: SubmitTrace,
  ) {
    super(loop)
  }

  override _cancelWith(cancellation: Cancellation): boolean {
    if (!super._cancelWith(cancellation)) return false
    this.owner.jobCancelled(this)
    return true
  }
}

/** Sends named jobs to workers (`serveJobs`, or `gyre worker`) by way of Redis. At least once. */
export class BullExecutor {
  private readonly pending = new Map<string, BullFuture>()
  private readonly client: Redis
  private readonly queue: Queue
  private events: QueueEvents | null = null
  private readonly eventClient: Redis
  /** The first connection. */
  private connected!: Promise<void>
  private hasFailedToConnect = false
  private readonly ending = new AbortController()
  private isShutDown = false
  private closing: Promise<void> | null = null
  private lostTimer: NodeJS.Timeout | null = null
  private lastError: Error | null = null
  /** Jobs that were cancelled while Redis was away. */
  private readonly unwithdrawn = new Set<string>()
  private readonly idleWaiters: (() => void)[] = []
  private roomWaiters: (() => void)[] = []

  constructor(private readonly options: BullExecutorOptions) {
    checkOptions(options)
    const { Queue } = loadBullmq()
    const { connection, queue } = options
    this.client = openClient(connection, false)
    this.eventClient = openClient(connection, true)
    const noted = (error: Error) => {
      this.lastError = error
    }
    for (const client of [this.client, this.eventClient]) {
      client.on('error', noted)
      client.on('close', () => this.startLosing())
      client.on('ready', () => void this.found())
    }
    this.queue = new Queue(queue, { connection: this.client, prefix: PREFIX })
    this.queue.on('error', noted)
    this.connect()
  }

  /** How many chunks a map has under way is a multiple of it. */
  get maxWorkers(): number {
    return MAP_WIDTH
  }

  /** How many jobs are submitted and not done. */
  get queueSize(): number {
    return this.pending.size
  }

  /**
   * Sends a job: a worker calls its function of that name with `args`, which must be JSON. The future brings
   * the result, or what the last try threw. Cancelling it takes the job out of the queue, or cancels the
   * task that runs it. Throws NotSendableError, QueueFull, and RuntimeError after `shutdown`; rejects with
   * QueueConnectionError where Redis cannot be reached.
   */
  submit<R = unknown>(name: string, ...args: unknown[]): Future<R> {
    return this._submit(name, args, false, traceOf(this.submit)) as Future<R>
  }

  /** Runs the job `name` once for each of `items`, and gives the results in order. */
  map<R = unknown>(
    name: string,
    items: MapSource<unknown>,
    options: MapOptions = {},
  ): JobResults<R> {
    checkName(name)
    this.checkOpen()
    return new JobResults<R>(this, name, items, options, completeTraceOf(this.map))
  }

  /** Takes no more jobs; waits for those that are under way, or cancels them; closes the connections. */
  shutdown(options: ExecutorShutdownOptions = {}): Future<void> {
    checkObject('options', options)
    const { wait = true, cancelFutures = false } = options
    this.isShutDown = true
    if (cancelFutures) for (const job of [...this.pending.values()]) job.cancel()
    this.closing ??= this.close()
    const future = new Future<void>(schedulingLoop())
    const done = () => {
      if (!future.done() && !future._loop.isClosed()) future.setResult(undefined)
    }
    if (wait) void this.closing.then(done)
    else done()
    return future
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown()
  }

  /** @internal */
  _submit(
    name: unknown,
    args: readonly unknown[],
    isChunk: boolean,
    trace: SubmitTrace,
  ): Future<unknown> {
    checkName(name)
    this.checkOpen()
    args.forEach((arg, index) => {
      checkJson(arg, `argument ${index + 1}`)
    })
    if (!this._hasRoom()) {
      throw new QueueFull(`${this.options.maxQueue} jobs are under way already, which is maxQueue`)
    }
    const future = new BullFuture(schedulingLoop(), this, randomUUID(), isChunk, trace)
    this.pending.set(future.id, future)
    void this.add(name, args, future)
    return future
  }

  /** @internal */
  _hasRoom(): boolean {
    return this.pending.size < (this.options.maxQueue ?? Infinity)
  }

  /** @internal */
  _onRoom(listener: () => void): void {
    this.roomWaiters.push(listener)
  }

  /** @internal */
  jobCancelled(future: BullFuture): void {
    this.over(future)
    void this.withdraw(future.id)
  }

  private connect(): void {
    this.hasFailedToConnect = false
    this.connected = this.open()
    this.connected.catch(() => {
      this.hasFailedToConnect = true
    })
  }

  private isThere(): boolean {
    return this.client.status === 'ready' && this.eventClient.status === 'ready'
  }

  private async open(): Promise<void> {
    const { signal } = this.ending
    await untilConnected(this.client, signal)
    await untilConnected(this.eventClient, signal)
    if (this.events === null) this.events = await this.listen()
    await this.events.waitUntilReady()
  }

  private async listen(): Promise<QueueEvents> {
    const { QueueEvents } = loadBullmq()
    const [seconds] = await this.client.time()
    // From here on: what is read first may come behind the end of the first job.
    const events = new QueueEvents(this.options.queue, {
      connection: this.eventClient,
      prefix: PREFIX,
      lastEventId: `${seconds}000-0`,
    })
    events.on('error', (error) => {
      this.lastError = error
    })
    events.on('completed', ({ jobId, returnvalue }) => {
      this.succeeded(jobId, returnvalue as unknown as BullResult)
    })
    events.on('failed', ({ jobId, failedReason }) => void this.failed(jobId, failedReason))
    return events
  }

  private async add(name: string, args: readonly unknown[], future: BullFuture): Promise<void> {
    const { attempts = 1, backoffMs = 1_000, timeoutMs = null } = this.options
    const data: BullData = { args, isChunk: future.isChunk, timeoutMs }
    try {
      // A Redis that came later than the first connection was waited for.
      if (this.hasFailedToConnect && this.isThere()) this.connect()
      await this.connected
      // BullMQ would wait for the connection, and send what was reported as failed.
      if (this.client.status !== 'ready') await this.untilBack()
      if (future.done()) return
    } catch (error) {
      this.fail(future.id, error)
      return
    }
    try {
      await this.queue.add(name, data, {
        jobId: future.id,
        attempts,
        backoff: { type: 'exponential', delay: backoffMs },
        removeOnComplete: { age: KEEP_SECONDS },
        removeOnFail: { age: KEEP_SECONDS },
      })
    } catch (cause) {
      const why = `Redis did not confirm the job, which may run: ${(cause as Error).message}`
      this.fail(future.id, new QueueConnectionError(why, { cause }))
      return
    }
    future.isSent = true
    // It may have been cancelled meanwhile, when there was nothing to take back.
    if (future.cancelled()) await this.withdraw(future.id)
  }

  /** Takes a job out of the queue, or has it cancelled where it runs. */
  private async withdraw(id: string): Promise<void> {
    try {
      const removed = await this.queue.remove(id)
      if (removed === 0) {
        await this.client.publish(cancelChannel(PREFIX, this.options.queue), id)
      }
      this.unwithdrawn.delete(id)
    } catch (error) {
      this.lastError = error as Error
      this.unwithdrawn.add(id)
    }
  }

  private succeeded(id: string, result: BullResult): void {
    this.settle(id, () =>
      'values' in result ? { values: result.values, error: null } : result.value,
    )
  }

  /** The last try failed. BullMQ's event has the message; the rest stands in the job. */
  private async failed(id: string, reason: string): Promise<void> {
    const future = this.pending.get(id)
    if (future === undefined) return
    let failure: BullFailure | undefined
    try {
      const job = (await this.queue.getJob(id)) as Job<BullData> | undefined
      failure = job?.data.failure
    } catch (error) {
      this.lastError = error as Error
      // It is asked for again when Redis is back.
      if (!this.isThere()) return
    }
    this.settle(id, () => {
      // Without a failure of its own, the job was given up by BullMQ: it stalled too often.
      const thrown =
        failure === undefined
          ? new RuntimeError(`the job failed in the queue: ${reason}`, 'ERR_JOB_LOST')
          : receiveError(failure.error, submittedAt(future.trace))
      if (!future.isChunk) throw thrown
      return { values: failure?.values ?? [], error: { thrown } }
    })
  }

  private fail(id: string, error: unknown): void {
    this.settle(id, () => {
      throw error
    })
  }

  private settle(id: string, outcome: () => unknown): void {
    const future = this.pending.get(id)
    if (future === undefined) return
    this.over(future)
    if (future.done() || future._loop.isClosed()) return
    try {
      future.setResult(outcome())
    } catch (error) {
      future.setException(error)
    }
  }

  private over(future: BullFuture): void {
    this.pending.delete(future.id)
    for (const waiter of this.roomWaiters.splice(0)) waiter()
    if (this.pending.size === 0) for (const waiter of this.idleWaiters.splice(0)) waiter()
  }

  /** The connection is away: the jobs may run on, but nothing is heard of them. */
  private startLosing(): void {
    if (this.closing !== null && this.pending.size === 0) return
    const { lostMs = 30_000 } = this.options
    const delayMs = Math.min(lostMs, NODE_DELAY_MS_MAX)
    this.lostTimer ??= setTimeout(() => {
      const why = this.lastError?.message ?? 'the connection was closed'
      const text = `Redis has been away for ${lostMs} ms: ${why}. The job may have run, or may run yet`
      for (const id of [...this.pending.keys()]) {
        this.fail(id, new QueueConnectionError(text, { cause: this.lastError }))
      }
    }, delayMs)
  }

  /** Both connections are there (again): what ended meanwhile is asked for. */
  private async found(): Promise<void> {
    if (this.lostTimer === null || !this.isThere()) return
    clearTimeout(this.lostTimer)
    this.lostTimer = null
    try {
      for (const id of [...this.unwithdrawn]) await this.withdraw(id)
      for (const [id, { isSent }] of [...this.pending]) {
        // The state first: of a job that ends in between, what was read may lack the result; its event comes.
        const state = await this.queue.getJobState(id)
        const job = (await this.queue.getJob(id)) as Job<BullData, BullResult> | undefined
        if (job === undefined) {
          if (isSent) this.fail(id, new RuntimeError(FORGOTTEN, 'ERR_JOB_LOST'))
        } else if (state === 'completed') this.succeeded(id, job.returnvalue)
        else if (state === 'failed') await this.failed(id, job.failedReason)
      }
    } catch (error) {
      this.lastError = error as Error
    }
  }

  /** Of two connections one may be back earlier; if none is, Redis is away. */
  private async untilBack(): Promise<void> {
    if (this.eventClient.status === 'ready') await untilConnected(this.client, this.ending.signal)
    else throw this.away()
  }

  private away(): QueueConnectionError {
    const why = this.lastError?.message ?? 'the connection was closed'
    const text = `the job was not sent: Redis is away: ${why}`
    return new QueueConnectionError(text, { cause: this.lastError })
  }

  private checkOpen(): void {
    if (!this.isShutDown) return
    const message = 'cannot submit to an executor after its shutdown'
    throw new RuntimeError(message, 'ERR_EXECUTOR_SHUT_DOWN')
  }

  private async close(): Promise<void> {
    if (this.pending.size > 0) await new Promise<void>((resolve) => this.idleWaiters.push(resolve))
    this.ending.abort()
    if (this.lostTimer !== null) clearTimeout(this.lostTimer)
    // What cancels a job is on its way by now, and goes before the end of the connection.
    const isThere = this.client.status === 'ready'
    if (isThere) await this.client.ping().catch(() => {})
    const ends = [this.events?.close(), this.queue.close()].map((end) => end?.catch(() => {}))
    this.client.disconnect()
    this.eventClient.disconnect()
    // Without a connection they wait for one.
    if (isThere) await Promise.all(ends)
  }
}

function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') throw invalidType('name', 'the name of a job', name)
}

function checkOptions(options: BullExecutorOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  const { queue, connection, attempts, backoffMs, timeoutMs, maxQueue, lostMs } = options
  if (typeof queue !== 'string' || queue === '' || queue.includes(':')) {
    throw invalidType('options.queue', 'a name without colons', queue)
  }
  checkConnection(connection)
  if (attempts !== undefined) checkInteger('options.attempts', attempts, 1)
  if (maxQueue !== undefined) checkInteger('options.maxQueue', maxQueue, 1)
  if (backoffMs !== undefined) checkDelay('options.backoffMs', backoffMs)
  if (timeoutMs !== undefined) checkDelay('options.timeoutMs', timeoutMs)
  if (lostMs !== undefined) checkDelay('options.lostMs', lostMs)
}
