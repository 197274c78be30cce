// The threads under a ThreadPoolExecutor: piscina keeps them, feeds them and replaces them. Why piscina:
// docs/decisions/worker-pools.md. The queue stands above, in the executor; piscina is never given
// more jobs than it has threads.

import { join } from 'node:path'
import type { ResourceLimits } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { NotSendableError, WorkerDiedError } from '../errors/executor_errors'
import { CancelFlags } from './cancel_flags'
import type {
  Ending,
  JobEvents,
  Packed,
  RunningJob,
  SentJob,
  StrayErrorListener,
  WorkerHost,
} from './host'
import type { Initializer } from './messages'
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

  constructor(
    private readonly options: ThreadHostOptions,
    private readonly onStrayError: StrayErrorListener,
  ) {
    this.flags = new CancelFlags(options.maxWorkers)
  }

  pack(args: readonly unknown[]): Packed {
    if (args.every(isPrimitive)) return { args, transferList: [] }
    const { values, list } = unwrapTransfers(args)
    try {
      // The list is cloned along, so that what was moved here can be moved on to the thread.
      const [copies, transferList] = structuredClone([values, list], { transfer: list as never })
      return { args: copies, transferList }
    } catch (cause) {
      throw notSendable(values, cause as Error)
    }
  }

  start(job: SentJob, events: JobEvents): RunningJob {
    const { flags } = this
    const slot = flags.take()
    let isOver = false
    const over = () => {
      isOver = true
      flags.giveBack(slot)
      events.freed()
    }
    const signal = new TaskSignal(over)
    const { transferList } = job.packed
    const result = this.ensurePool().run(threadMessage(job, slot), {
      ...(transferList.length === 0 ? {} : { transferList: transferList as never }),
      signal: signal as never,
    }) as Promise<ThreadReply>
    signal.isPosted = true
    const end = (ending: Ending) => {
      if (!isOver) over()
      events.ended(ending)
    }
    result.then(
      (reply) => end(endingOf(reply)),
      (error: Error) => end({ kind: 'lost', error: lossOf(error) }),
    )
    return {
      cancel: () => {
        if (!isOver) flags.cancel(slot)
      },
      terminate: () => {
        if (!isOver) signal.abort()
      },
    }
  }

  async close(): Promise<void> {
    const { pool } = this
    this.pool = null
    await pool?.destroy()
  }

  /** Threads are started when there is work for them, and stay. */
  private ensurePool(): Piscina {
    if (this.pool !== null) return this.pool
    const { Piscina } = require('piscina') as typeof import('piscina')
    const { maxWorkers, initializer, resourceLimits } = this.options
    const start: ThreadStart = { flags: this.flags.words, initializer }
    this.pool = new Piscina({
      filename: join(__dirname, 'thread_worker.js'),
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
    const { pool } = this
    this.onStrayError(error)
    if (pool === null || pool.queueSize === 0 || pool.threads.length > 0) return
    this.pool = null
    void pool.destroy()
  }
}

/**
 * As much of an EventEmitter as piscina needs to be told to abort; an AbortController costs far more.
 * piscina takes its listener away as soon as the thread has answered, which is earlier than its promise
 * tells: a thread that gets its next job at once does not fall asleep in between.
 */
class TaskSignal {
  readonly aborted = false
  /** Before, nobody knows of the job yet. */
  isPosted = false
  private listener: (() => void) | null = null

  constructor(private readonly onOver: () => void) {}

  abort(): void {
    const { listener } = this
    // While it ends the thread piscina counts it among those it has: no other would be started.
    this.listener = null
    listener?.()
  }

  once(_event: string, listener: () => void): void {
    this.listener = listener
  }

  removeListener(): void {
    if (this.listener === null || !this.isPosted) return
    this.listener = null
    this.onOver()
  }
}

function isPrimitive(value: unknown): boolean {
  return (typeof value !== 'object' || value === null) && !isUnclonablePrimitive(value)
}

/** Functions and symbols: small, and never sent. */
function isUnclonablePrimitive(value: unknown): boolean {
  return typeof value === 'function' || typeof value === 'symbol'
}

function notSendable(values: readonly unknown[], cause: Error): NotSendableError {
  const index = values.findIndex((value) => {
    try {
      structuredClone(value)
      return false
    } catch {
      return true
    }
  })
  const which = index === -1 ? 'the arguments cannot' : `argument ${index + 1} cannot`
  return new NotSendableError(`${which} be sent to a worker: ${cause.message}`, { cause })
}

/** What became of a job that brought no reply. What the job itself threw comes as a reply. */
function lossOf(error: Error): WorkerDiedError {
  // What is thrown in a thread outside of any job may be anything.
  const exitCode = /^worker exited with code: (-?\d+)$/.exec(String(error?.message))?.[1]
  if (exitCode !== undefined) {
    const text = `the worker thread exited with code ${exitCode} while it ran the job`
    return new WorkerDiedError(text, Number(exitCode), null)
  }
  const text = `the worker thread ended while it ran the job: ${error?.message ?? error}`
  return new WorkerDiedError(text, null, null, { cause: error })
}
