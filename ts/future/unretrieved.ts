// Errors of futures that nobody looks at. Each is reported once: when its future is collected, or
// when its loop closes, whichever comes first (asyncio reports when the future is deleted).
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
const pendingByLoop = new WeakMap<EventLoop, Set<Unretrieved>>()
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
  recordsOf(loop).add(record)
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
  for (const { loop, error } of young.splice(0).filter(isPending)) {
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

function isPending(record: Unretrieved): boolean {
  return pendingByLoop.get(record.loop)?.has(record) === true
}

/** Somebody looked at the error. */
export function forgetUnretrieved(record: Unretrieved): void {
  collected.unregister(record)
  pendingByLoop.get(record.loop)?.delete(record)
}

function recordsOf(loop: EventLoop): Set<Unretrieved> {
  let records = pendingByLoop.get(loop)
  if (records === undefined) {
    const made = new Set<Unretrieved>()
    records = made
    pendingByLoop.set(loop, made)
    loop._atClose.push(() => {
      for (const record of [...made]) {
        collected.unregister(record)
        report(record)
      }
    })
  }
  return records
}

function report(record: Unretrieved): void {
  if (pendingByLoop.get(record.loop)?.delete(record) !== true) return
  const future = record.future.deref()
  record.loop.callExceptionHandler({
    message: `${record.what} exception was never retrieved`,
    exception: record.error,
    future: future ?? { [inspect.custom]: () => record.name },
    ...record.source,
  })
}
