// What a loop warns of, most of it in debug mode, as warnings of Node: a program can listen for them
// with process.on('warning').

import { performance } from 'node:perf_hooks'
import { inspect } from 'node:util'

/** Warns if `item`, which began to run at `startedMs`, took longer than `limitMs`. */
export function warnIfSlow(item: unknown, startedMs: number, limitMs: number): void {
  const tookMs = performance.now() - startedMs
  if (tookMs < limitMs) return
  const what = item === undefined ? 'a timer or an I/O event' : inspect(item, { depth: 0 })
  const message = `Executing ${what} took ${tookMs.toFixed(1)} ms`
  process.emitWarning(message, { type: 'GyreWarning', code: 'GYRE_SLOW_CALLBACK' })
}

/** Warns that an async generator began on a loop that has closed all of them. */
export function warnOfLateGenerator(name: string): void {
  const message =
    `asynchronous generator ${name}() began after loop.shutdownAsyncGens(): nobody will close it ` +
    'if it is left unfinished'
  process.emitWarning(message, { type: 'GyreWarning', code: 'GYRE_LATE_GENERATOR' })
}

/** Warns that a task was asked to stop and returned as if it had not been. */
export function warnOfSwallowedCancel(taskName: string): void {
  const message =
    `Task '${taskName}' was cancelled, but its coroutine returned as if it were not: ` +
    'throw the CancelledError on, or call uncancel()'
  process.emitWarning(message, { type: 'GyreWarning', code: 'GYRE_SWALLOWED_CANCEL' })
}
