// The place of a loop's default executor. What executors are is known higher up; here is only what the end
// of a run has to know: that there may be one, and how it is shut down.

import { waitFor } from '../combine/timeouts'
import { checkMilliseconds } from '../errors/arguments'
import { TimeoutError } from '../errors/errors'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { EventLoop } from '../loop/loop'

/** An executor, as far as the end of a loop concerns it. */
export interface DefaultExecutor {
  shutdown(options?: { wait?: boolean; cancelFutures?: boolean }): Future<void>
}

/** How long the end of a run waits for the default executor; asyncio.constants has the same. */
export const SHUTDOWN_TIMEOUT_MS = 300_000

interface Place {
  executor: DefaultExecutor | null
  isShutDown: boolean
}

const places = new WeakMap<EventLoop, Place>()

/** The place of `loop`, empty at first. */
export function placeOf(loop: EventLoop): Place {
  let place = places.get(loop)
  if (place === undefined) {
    place = { executor: null, isShutDown: false }
    places.set(loop, place)
  }
  return place
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Waits for the jobs of the default executor and ends its workers; from then on there is none.
     * After `timeoutMs` milliseconds it no longer waits, and a warning says so; null, the default,
     * waits as long as it takes.
     */
    shutdownDefaultExecutor(timeoutMs?: number | null): Operation<void>
  }
}

EventLoop.prototype.shutdownDefaultExecutor = function shutdownDefaultExecutor(
  this: EventLoop,
  timeoutMs: number | null = null,
): Operation<void> {
  if (timeoutMs !== null) checkMilliseconds('timeoutMs', timeoutMs)
  return new GeneratorOperation('shutdownDefaultExecutor', () => shutDown(placeOf(this), timeoutMs))
}

function* shutDown(
  place: Place,
  timeoutMs: number | null,
): Generator<Future<unknown>, void, unknown> {
  place.isShutDown = true
  const { executor } = place
  place.executor = null
  if (executor === null) return
  try {
    yield* waitFor(executor.shutdown(), timeoutMs)
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error
    process.emitWarning(
      `the default executor did not finish its jobs within ${timeoutMs} ms; they are left to themselves`,
      { type: 'GyreWarning', code: 'GYRE_EXECUTOR_TIMEOUT' },
    )
  }
}
