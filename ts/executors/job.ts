// What a running job knows of itself, in its worker: `this` of a function that was sent. How modules come
// to it is told in current_job.ts.

/** How a worker hears that a job was cancelled. */
export interface CancelWatch {
  /** Whether it was cancelled, as far as can be known without giving way. */
  isCancelled(): boolean
  /** Calls `listener` when it is cancelled, at once if it was. */
  onCancel(listener: () => void): void
}

export class Job {
  private controller: AbortController | null = null

  /** @internal */
  constructor(private readonly watch: CancelWatch) {}

  /**
   * Aborted when the job's future is cancelled. For what takes an AbortSignal, and for functions that
   * give way: a signal is heard between two steps of an async function.
   */
  get signal(): AbortSignal {
    if (this.controller === null) {
      const controller = new AbortController()
      this.controller = controller
      this.watch.onCancel(() => controller.abort())
    }
    return this.controller.signal
  }

  /**
   * Whether the job's future was cancelled. In a thread it can be asked in the midst of a loop that
   * never gives way; in a process it is known once the function has given way.
   */
  get cancelled(): boolean {
    return this.watch.isCancelled()
  }
}

/** Calls `body` so that it and what comes of it are known to be of `job`. */
type Track = <T>(job: Job, body: () => T) => T

let track: Track | null = null
let lastUntracked: Job | null = null

/** @internal From now on, jobs are tracked by `how`. */
export function trackJobs(how: Track): void {
  track = how
}

/**
 * @internal The job that was called last before jobs were tracked; null if there was none. Its worker
 * runs one job at a time.
 */
export function untrackedJob(): Job | null {
  return lastUntracked
}

/** @internal Calls `body` as a part of `job`. */
export function callInJob<T>(job: Job, body: () => T): T {
  if (track !== null) return track(job, body)
  lastUntracked = job
  return body()
}
