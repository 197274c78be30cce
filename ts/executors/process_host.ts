// The processes under a ProcessPoolExecutor, over node:child_process. Why no library:
// docs/decisions/worker-pools.md.
//
// Invariants: 1. A process runs one job at a time.
//             2. An idle process does not keep the program alive; a busy one does.
//             3. A process that has ended is not in `processes`.

import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import { WorkerDiedError } from '../errors/executor_errors'
import type { Ending, HostedJob, Packed, RunningJob, StrayErrorListener, WorkerHost } from './host'
import type { Initializer } from './messages'
import { notSendable } from './not_sendable'
import {
  type FromProcess,
  type PackedValues,
  packValues,
  type ToProcess,
  unpackValues,
} from './process_messages'
import { unwrapTransfers } from './transfer'

export interface ProcessHostOptions {
  initializer: Initializer | null
  env: NodeJS.ProcessEnv | undefined
  execArgv: readonly string[] | undefined
}

/**
 * The processes that are there, of all pools: one that never gives way does not hear that its parent is
 * gone, so it is ended when this process exits by itself.
 */
const alive = new Set<WorkerProcess>()

function endAll(): void {
  for (const process of alive) process.kill()
}

/** One process, and the job that it runs. */
class WorkerProcess {
  private readonly child: ChildProcess
  private id = 0
  private job: HostedJob | null = null
  /** Whether it keeps the program alive. */
  private isReferenced = true
  private spawnError: Error | null = null
  readonly exited: Promise<void>

  constructor(
    { initializer, env, execArgv }: ProcessHostOptions,
    private readonly onExit: (process: WorkerProcess) => void,
    onStrayError: StrayErrorListener,
  ) {
    this.child = fork(join(__dirname, '..', 'executors', 'process_worker.js'), [], {
      serialization: 'advanced',
      ...(env === undefined ? {} : { env }),
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
    })
    this.exited = new Promise((resolve) => {
      const over = () => {
        this.over(onStrayError)
        resolve()
      }
      this.child.once('exit', over)
      this.child.on('error', (error) => {
        this.spawnError ??= error
        // A process that could not be made never exits.
        if (this.child.pid === undefined) over()
      })
    })
    this.child.on('message', (message: FromProcess) => this.replied(message))
    this.send({
      kind: 'start',
      initializer: initializer && {
        spec: initializer.spec,
        args: packValues(initializer.args),
      },
    })
    this.unref()
    if (alive.size === 0) process.on('exit', endAll)
    alive.add(this)
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  get isIdle(): boolean {
    return this.job === null
  }

  start(job: HostedJob): RunningJob {
    const { spec, isChunk, packed } = job
    const id = ++this.id
    this.job = job
    if (!this.isReferenced) this.ref()
    this.send({ kind: 'job', id, spec, args: packed.args as PackedValues, isChunk })
    const isRunning = () => this.job === job
    return {
      cancel: () => {
        if (isRunning()) this.send({ kind: 'cancel', id })
      },
      terminate: () => {
        if (isRunning()) this.kill()
      },
    }
  }

  /** Lets the process end by itself, which it does when the pipe is closed. */
  close(): Promise<void> {
    this.ref()
    if (this.child.connected) this.child.disconnect()
    else this.kill()
    return this.exited
  }

  private send(message: ToProcess): void {
    // What fails here is told by the end of the process. Without a descriptor to spare for the pipe
    // (EMFILE) Node makes no `send` at all, and tells why in an event.
    this.child.send?.(message, () => {})
  }

  private replied(message: FromProcess): void {
    const { job } = this
    if (job === null || message.id !== this.id) return
    this.job = null
    // It may be given its next job here, and then goes on keeping the program alive.
    job.freed()
    if (this.isIdle) this.unref()
    job.ended(endingOf(message))
  }

  private over(onStrayError: StrayErrorListener): void {
    const { job, child, spawnError } = this
    this.job = null
    this.onExit(this)
    alive.delete(this)
    if (alive.size === 0) process.removeListener('exit', endAll)
    const { exitCode, signalCode } = child
    if (job !== null) {
      job.freed()
      job.ended({ kind: 'lost', error: lossOf(exitCode, signalCode, spawnError) })
    } else if (exitCode !== 0 && signalCode === null && spawnError === null) {
      onStrayError(lossOf(exitCode, signalCode, null))
    }
  }

  private ref(): void {
    this.isReferenced = true
    this.child.ref()
    this.child.channel?.ref()
  }

  private unref(): void {
    this.isReferenced = false
    this.child.unref()
    this.child.channel?.unref()
  }
}

export class ProcessHost implements WorkerHost {
  private readonly processes = new Set<WorkerProcess>()

  constructor(
    private readonly options: ProcessHostOptions,
    private readonly onStrayError: StrayErrorListener,
  ) {}

  pack(args: readonly unknown[]): Packed {
    const { values } = unwrapTransfers(args)
    try {
      return { args: packValues(values), transferList: [] }
    } catch (cause) {
      throw notSendable(args, 'a worker process', serialize, cause as Error)
    }
  }

  start(job: HostedJob): RunningJob {
    for (const process of this.processes) {
      if (process.isIdle) return process.start(job)
    }
    const process = this.startProcess()
    this.processes.add(process)
    return process.start(job)
  }

  /** Some failures Node tells by an event, later, and some it throws (E2BIG, ENOMEM). */
  private startProcess(): WorkerProcess {
    const exited = (process: WorkerProcess) => this.processes.delete(process)
    try {
      return new WorkerProcess(this.options, exited, this.onStrayError)
    } catch (error) {
      throw lossOf(null, null, error as Error)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.processes].map((process) => process.close()))
  }
}

function endingOf(message: FromProcess): Ending {
  switch (message.kind) {
    case 'result':
      return { kind: 'result', value: unpackValues(message.value)[0] }
    case 'results':
      return { kind: 'results', values: unpackValues(message.values), error: message.error }
    default:
      return message
  }
}

function lossOf(
  exitCode: number | null,
  signal: NodeJS.Signals | null,
  spawnError: Error | null,
): WorkerDiedError {
  if (spawnError !== null) {
    const text = `no worker process could be started: ${spawnError.message}`
    return new WorkerDiedError(text, null, null, { cause: spawnError })
  }
  const how = signal === null ? `exited with code ${exitCode}` : `was ended by ${signal}`
  const text = `the worker process ${how} while it ran the job`
  return new WorkerDiedError(text, exitCode, signal)
}
