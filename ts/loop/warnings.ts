// What a loop warns of, most of it in debug mode, as warnings of Node: a program can listen for them
// with process.on('warning').

import { monotonicMs } from '../backend/clock'
import { printed } from '../errors/printing'

/** Warns if `item`, which began to run at `startedMs`, took longer than `limitMs`. */
export function warnIfSlow(item: unknown, startedMs: number, limitMs: number): void {
  const tookMs = monotonicMs() - startedMs
  if (tookMs < limitMs) return
  warnOfSlowSteps(item === undefined ? 'an I/O event' : printed(item, { depth: 0 }), tookMs)
}

/** Warns that what is named took long. */
export function warnOfSlowSteps(what: string, tookMs: number): void {
  const message = `Executing ${what} took ${tookMs.toFixed(1)} ms`
  process.emitWarning(message, { type: 'GyreWarning', code: 'GYRE_SLOW_CALLBACK' })
}

/** Warns of an operation that was made and not waited for. */
export function warnOfNeverAwaited(
  call: string,
  place: string | null,
  origin: string | null,
): void {
  const where = place === null ? '' : `, created at ${place}`
  const message = `${call}() was never awaited${where}: it has done nothing. Write yield* or await`
  const detail = origin ?? undefined
  process.emitWarning(message, { type: 'GyreWarning', code: 'GYRE_NEVER_AWAITED', detail })
}

/** Warns that a future was touched from another loop than its own. */
export function warnOfWrongLoop(what: string): void {
  const message = `${what} was called while another loop runs than the future's own`
  process.emitWarning(message, { type: 'GyreWarning', code: 'GYRE_WRONG_LOOP' })
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
