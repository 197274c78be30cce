// Errors of futures that nobody looks at. Each is reported once: when its future is collected, when its
// loop closes, or when the process exits, whichever comes first (asyncio reports when the future is
// deleted, which Python also does at its end; the thread's default loop is closed by nobody).
//
// The record holds the error and the words for the report, never the future, so that the future can
// be collected. Records are only made when a future fails, so success pays nothing for this.

import { inspect } from 'node:util'
import type { EventLoop } from '../loop/loop'
import { sourceOf } from '../loop/origins'

/** A stored exception that nobody has retrieved yet. */
export interface Unretrieved {
  readonly loop: EventLoop
  readonly error: unknown
  readonly future: WeakRef<object>
  /** What kind of future it was: 'Task' or 'Future'. */
  readonly what: string
  /** How the future is named once it is gone. */
  readonly name: string
  /** Where it was made, in debug mode. */
  readonly source: { sourceTraceback?: string }
}

const collected = new FinalizationRegistry<Unretrieved>((record) => report(record))
const pending = new Set<Unretrieved>()
const watchedLoops = new WeakSet<EventLoop>()
let isExitWatched = false
/** Records whose errors may still hold the frames of their stacks. */
const young: Unretrieved[] = []

/** A future, as far as this file needs to know it. */
interface FailedFuture {
  readonly _loop: EventLoop
  _describeUnretrieved(): { what: string; name: string }
}

/** Remembers that `future` failed with `error` and that nobody has looked at it. */
export function noteUnretrieved(future: FailedFuture, error: unknown): Unretrieved {
  const loop = future._loop
  const words = future._describeUnretrieved()
  const source = loop._debug ? sourceOf(future) : {}
  const record: Unretrieved = { loop, error, future: new WeakRef(future), ...words, source }
  if (!watchedLoops.has(loop)) watchEnd(loop)
  pending.add(record)
  collected.register(future, record, record)
  // Most errors are looked at within a few turns, and need no more than that.
  if (young.push(record) === 1) setTimeout(letGoOfFrames, 1).unref()
  return record
}

/**
 * V8 keeps the frames of a stack until somebody reads it, and the frames keep the task whose step
 * threw: read, it is a text, and the task can be collected.
 */
function letGoOfFrames(): void {
  for (const { loop, error } of young.splice(0).filter((record) => pending.has(record))) {
    try {
      if (error instanceof Error) void error.stack
    } catch (failure) {
      loop.callExceptionHandler({
        message: 'Exception in the stack of an error',
        exception: failure,
      })
    }
  }
}

/** Somebody looked at the error. */
export function forgetUnretrieved(record: Unretrieved): void {
  collected.unregister(record)
  pending.delete(record)
}

function watchEnd(loop: EventLoop): void {
  watchedLoops.add(loop)
  loop._atClose.push(() => reportAll((record) => record.loop === loop))
  if (isExitWatched) return
  isExitWatched = true
  // What fails on a closed loop was told of at its close: the task was destroyed while it was pending.
  process.once('exit', () => reportAll((record) => !record.loop.isClosed()))
}

function reportAll(isMeant: (record: Unretrieved) => boolean): void {
  for (const record of [...pending].filter(isMeant)) {
    collected.unregister(record)
    report(record)
  }
}

function report(record: Unretrieved): void {
  if (!pending.delete(record)) return
  const future = record.future.deref()
  record.loop.callExceptionHandler({
    message: `${record.what} exception was never retrieved`,
    exception: record.error,
    future: future ?? { [inspect.custom]: () => record.name },
    ...record.source,
  })
}
