// What a task remembers of the calls of its `cancel`.

/** What `cancel` asked of a task. Most tasks are never asked, so it is made at the first call. */
export interface CancelRequests {
  /** Calls of `cancel` less those of `uncancel`. */
  count: number
  /** The reason of the last cancellation that went into no future. */
  reason: unknown
  /** Behind `task.signal`. */
  controller: AbortController | null
  /** A request is on its way into what the task waits for. */
  isUnderWay: boolean
}
