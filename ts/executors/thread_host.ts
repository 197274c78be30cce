// The threads under a ThreadPoolExecutor: piscina keeps them, feeds them and replaces them. Why piscina:
// docs/decisions/worker-pools.md. The queue stands above, in the executor; piscina is never given
// more jobs than it has threads.

import { join } from 'node:path'
import type { ResourceLimits } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { WorkerDiedError } from '../errors/executor_errors'
import { CancelFlags } from './cancel_flags'
import type { Ending, HostedJob, Packed, RunningJob, StrayErrorListener, WorkerHost } from './host'
import { type Initializer, isSentAsIs } from './messages'
import { notSendable } from './not_sendable'
import { endingOf, type ThreadReply, type ThreadStart, threadMessage } from './thread_messages'
import { unwrapTransfers } from './transfer'

export interface ThreadHostOptions {
  maxWorkers: number
  terminate: boolean
  initializer: Initializer | null
  resourceLimits: ResourceLimits | undefined
}

export class ThreadHost implements WorkerHost {
  private readonly flags: CancelFlags
  private pool: Piscina | null = null
  /** The jobs that piscina has. */
  private readonly posted = new Set<ThreadJob>()

  constructor(
    private readonly options: ThreadHostOptions,
    private readonly onStrayError: StrayErrorListener,
  ) {
    this.flags = new CancelFlags(options.maxWorkers)
  }

  pack(args: readonly unknown[]): Packed {
    if (args.every(isSentAsIs)) return { args, transferList: [] }
    const { values, list } = unwrapTransfers(args)
    try {
      // The list is cloned along, so that what was moved here can be moved on to the thread.
      const [copies, transferList] = structuredClone([values, list], { transfer: list as never })
      return { args: copies, transferList }
    } catch (cause) {
      throw notSendable(args, 'a worker', structuredClone, cause as Error)
    }
  }

  start(job: HostedJob): RunningJob {
    const running = new ThreadJob(job, this.flags)
    this.post(running, job).then(
      (reply) => this.ended(running, endingOf(reply)),
      (error: Error) => this.ended(running, { kind: 'lost', error: lossOf(error) }),
    )
    running.isPosted = true
    this.posted.add(running)
    return running
  }

  /** Not by piscina's `destroy`, which rejects the promises of jobs that were refused. */
  async close(): Promise<void> {
    const { pool } = this
    this.pool = null
    await Promise.all((pool?.threads ?? []).map((thread) => thread.terminate()))
  }

  /** Throws WorkerDiedError where piscina cannot start the thread that it wants for the job. */
  private post(running: ThreadJob, job: HostedJob): Promise<ThreadReply> {
    try {
      return this.ensurePool().run(threadMessage(job, running.slot), {
        transferList: job.packed.transferList as never,
        signal: running as never,
      })
    } catch (cause) {
      running.refuse()
      throw notStarted(cause as Error)
    }
  }

  private ended(running: ThreadJob, ending: Ending): void {
    this.posted.delete(running)
    running.end(ending)
  }

  /** Threads are started when there is work for them, and stay. */
  private ensurePool(): Piscina {
    if (this.pool !== null) return this.pool
    const { Piscina } = require('piscina') as typeof import('piscina')
    const { maxWorkers, initializer, resourceLimits } = this.options
    const start: ThreadStart = { flags: this.flags.words, initializer }
    this.pool = new Piscina({
      filename: join(__dirname, '..', 'executors', 'thread_worker.js'),
      name: 'run',
      minThreads: 0,
      maxThreads: maxWorkers,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
      workerData: start,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    })
    this.pool.on('error', (error) => this.strayError(error as Error))
    return this.pool
  }

  /** A thread ended that ran no job. If none could be started at all, jobs wait in vain for one. */
  private strayError(error: Error): void {
    const { pool, posted } = this
    this.onStrayError(error)
    if (pool === null || pool.threads.length > 0) return
    this.pool = null
    for (const job of [...posted]) job.terminate(error)
  }
}

/** What stops piscina; see ThreadJob.refuse. */
const REFUSED = new Error('no thread could be started')

/**
 * A job that a thread runs, and as much of an EventEmitter as piscina needs to be told to abort it; an
 * AbortController costs far more. piscina takes its listener away as soon as the thread has answered,
 * which is earlier than its promise tells: a thread that gets its next job at once does not fall asleep
 * in between.
 */
class ThreadJob implements RunningJob {
  readonly aborted = false
  /** Before, nobody knows of the job yet. */
  isPosted = false
  /** Its word among the cancel flags; once it is over, another's. */
  readonly slot: number
  private isOver = false
  private isRefused = false
  private cause: Error | undefined
  private listener: (() => void) | null = null

  constructor(
    private readonly job: HostedJob,
    private readonly flags: CancelFlags,
  ) {
    this.slot = flags.take()
  }

  cancel(): void {
    if (!this.isOver) this.flags.cancel(this.slot)
  }

  /** `cause`: why no thread will ever run it. */
  terminate(cause?: Error): void {
    if (this.isOver) return
    const { listener } = this
    this.cause = cause
    // While it ends the thread piscina counts it among those it has: no other would be started.
    this.listener = null
    listener?.()
  }

  end(ending: Ending): void {
    if (!this.isOver) this.over()
    this.job.ended(ending)
  }

  /**
   * No thread could be started for it. piscina has thrown, and yet keeps the task: it would run when a
   * thread is there, or reject a promise that nobody was given. A task that is aborted is dropped
   * instead; but before it rejects, piscina asks for the reason, and gets no further.
   */
  refuse(): void {
    this.isRefused = true
    this.isOver = true
    this.flags.giveBack(this.slot)
    try {
      this.listener?.()
    } catch (error) {
      if (error !== REFUSED) throw error
    }
  }

  private over(): void {
    this.isOver = true
    this.flags.giveBack(this.slot)
    this.job.freed()
  }

  /** For piscina. */
  get reason(): Error | undefined {
    if (this.isRefused) throw REFUSED
    return this.cause
  }

  /** For piscina. */
  once(_event: string, listener: () => void): void {
    this.listener = listener
  }

  /** For piscina. */
  removeListener(): void {
    if (this.listener === null || !this.isPosted) return
    this.listener = null
    this.over()
  }
}

function notStarted(cause: Error): WorkerDiedError {
  const text = `no worker thread could be started: ${cause.message}`
  return new WorkerDiedError(text, null, null, { cause })
}

/** What became of a job that brought no reply. What the job itself threw comes as a reply. */
function lossOf(error: Error): WorkerDiedError {
  // What is thrown in a thread outside of any job may be anything.
  const exitCode = /^worker exited with code: (-?\d+)$/.exec(String(error?.message))?.[1]
  if (exitCode !== undefined) {
    const text = `the worker thread exited with code ${exitCode} while it ran the job`
    return new WorkerDiedError(text, Number(exitCode), null)
  }
  if (error?.name === 'AbortError' && error.cause instanceof Error) return notStarted(error.cause)
  const text = `the worker thread ended while it ran the job: ${error?.message ?? error}`
  return new WorkerDiedError(text, null, null, { cause: error })
}
