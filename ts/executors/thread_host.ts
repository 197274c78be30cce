// The threads under a ThreadPoolExecutor: piscina keeps them, feeds them and replaces them. Why piscina:
// docs/decisions/worker-pools.md. The queue stands above, in the executor; piscina is never given
// more jobs than it has threads.

import { join } from 'node:path'
import type { ResourceLimits } from 'node:worker_threads'
import type { Piscina } from 'piscina'
import { NotSendableError, WorkerDiedError } from '../errors/executor_errors'
import { CancelFlags } from './cancel_flags'
import type { Ending, Packed, RunningJob, StrayErrorListener, WorkerHost } from './host'
import type { Initializer, JobMessage, Reply } from './messages'
import type { ThreadStart } from './thread_worker'
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

  start(
    { spec, isChunk, packed }: Omit<JobMessage, 'args'> & { packed: Packed },
    ended: (ending: Ending) => void,
  ): RunningJob {
    const { flags } = this
    const slot = flags.take()
    const abort = this.options.terminate ? new Abort() : null
    const message = { spec, args: packed.args, isChunk, slot }
    const pool = this.ensurePool()
    const result = pool.run(message, {
      transferList: packed.transferList as never,
      ...(abort === null ? {} : { signal: abort as never }),
    }) as Promise<Reply>
    result.then(
      (reply) => {
        flags.giveBack(slot)
        ended(reply)
      },
      (error: Error) => {
        flags.giveBack(slot)
        ended({ kind: 'lost', error: lossOf(error) })
      },
    )
    return {
      cancel: () => flags.cancel(slot),
      terminate: () => abort?.abort(),
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

/** As much of an EventEmitter as piscina needs to be told; an AbortController costs far more. */
class Abort {
  readonly aborted = false
  private listener: () => void = () => {}

  abort(): void {
    this.listener()
  }

  once(_event: string, listener: () => void): void {
    this.listener = listener
  }

  removeListener(): void {
    this.listener = () => {}
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
