// The future of a job: cancelling it takes the job out of the queue, or tells its worker.

import type { Cancellation } from '../future/cancellation'
import { Future } from '../future/future'
import { FutureState } from '../future/waiter'
import type { Linked } from '../loop/linked_list'
import type { EventLoop } from '../loop/loop'
import { receiveError } from './error_transport'
import type { Ending, HostedJob, Packed, RunningJob } from './host'
import type { JobSpec } from './job_function'
import { type SubmitTrace, submittedAt } from './submit_trace'

/** The executor that a job belongs to. */
export interface JobOwner {
  /** @internal The job was cancelled, in the queue or in its worker. */
  jobCancelled(job: JobFuture<unknown>): void
  /** @internal A worker is free, or can be replaced. */
  workerFreed(): void
  /** @internal The worker of the job has answered, or is lost. */
  jobEnded(job: JobFuture<unknown>, ending: Ending): void
}

export class JobFuture<T> extends Future<T> implements Linked, HostedJob {
  static override readonly _isInner = true
  /** @internal */ _previous: Linked | null = null
  /** @internal */ _next: Linked | null = null
  /** @internal Whether it was taken out of the queue, or never was in it, to be run. */
  isStarted = false
  /** @internal Set while a worker runs it. */ running: RunningJob | null = null

  /** @internal */
  constructor(
    loop: EventLoop,
    private readonly owner: JobOwner,
    readonly spec: JobSpec,
    readonly packed: Packed,
    readonly isChunk: boolean,
    readonly trace: SubmitTrace,
  ) {
    super(loop)
  }

  override _cancelWith(cancellation: Cancellation): boolean {
    if (!super._cancelWith(cancellation)) return false
    this.owner.jobCancelled(this as JobFuture<unknown>)
    return true
  }

  /** @internal */
  freed(): void {
    this.owner.workerFreed()
  }

  /** @internal */
  ended(ending: Ending): void {
    this.owner.jobEnded(this as JobFuture<unknown>, ending)
  }

  /** @internal Nobody waits for it: it was cancelled, or its loop is closed. */
  isAbandoned(): boolean {
    return this._state !== FutureState.PENDING || this._loop.isClosed()
  }

  /** @internal */
  fail(error: unknown): void {
    if (!this.isAbandoned()) this.setException(error)
  }

  /** @internal */
  failWith(sent: Parameters<typeof receiveError>[0]): void {
    this.fail(receiveError(sent, submittedAt(this.trace)))
  }

  /** @internal */
  succeed(value: T): void {
    if (!this.isAbandoned()) this.setResult(value)
  }
}
