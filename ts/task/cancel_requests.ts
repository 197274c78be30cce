// What a task remembers of the calls of its `cancel`, beside their number.

export interface CancelRequests {
  /** The reason of the last cancellation that went into no future. */
  reason: unknown
  /** Behind `task.signal`. */
  controller: AbortController | null
}

/**
 * The number of requests stands in the task itself, as most that are cancelled are asked once and
 * without a reason: `REQUEST` for each, and `UNDER_WAY` while one is on its way into what the task
 * waits for.
 */
export const UNDER_WAY = 1
export const REQUEST = 2
