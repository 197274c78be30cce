// What an executor wants of the workers under it. Two hosts implement it: threads over piscina, processes
// over node:child_process.

import type { JobMessage, Reply } from './messages'

/** How a job ended: a reply of its worker, or the reason why there is none. */
export type Ending = Reply | { readonly kind: 'lost'; readonly error: Error }

/** Arguments as they will be sent: taken at the call, so that later changes do not reach the job. */
export interface Packed {
  readonly args: unknown
  readonly transferList: readonly unknown[]
}

/** A job for a worker. */
export type SentJob = Omit<JobMessage, 'args'> & { readonly packed: Packed }

/** A job that runs in a worker. */
export interface RunningJob {
  /** Tells the job; it goes on until it heeds its signal. */
  cancel(): void
  /** Ends the job with its worker, and no other job; it then ends as lost. */
  terminate(): void
}

/** A job with the one who hears of it; not before `start` has returned. */
export interface HostedJob extends SentJob {
  /** @internal Once, before `ended`: the worker can take another job, or another worker can be had. */
  freed(): void
  /** @internal Once, last. */
  ended(ending: Ending): void
}

export interface WorkerHost {
  /** Takes the arguments of a call. Throws NotSendableError for what cannot be sent. */
  pack(args: readonly unknown[]): Packed
  /** Starts a job. REQUIRES: a worker is free, or can be had. */
  start(job: HostedJob): RunningJob
  /** Ends the workers. REQUIRES: no job is running. */
  close(): Promise<void>
}

/** Hears of errors in workers that belong to no job. */
export type StrayErrorListener = (error: Error) => void
