// What a loop does with errors that nobody is there to catch, as asyncio's loops do: they go to the
// loop's exception handler with a context that says what happened.

import { inspect } from 'node:util'
import { checkFunction } from '../errors/arguments'
import { endsLoop } from '../errors/errors'

/**
 * What an exception handler is told. More fields may stand in it: future, task, handle, transport…
 */
export interface ExceptionContext {
  /** What happened, in a sentence. */
  message: string
  /** The error, where there is one. */
  exception?: unknown
  /** In debug mode: the frames where the task, future or handle was made, the most recent first. */
  sourceTraceback?: string
  [detail: string]: unknown
}

/** Hears of the errors of a loop. */
export type Handler<Loop> = (loop: Loop, context: ExceptionContext) => void

/** The part of a loop that errors are reported to. */
export abstract class ExceptionReporter<Loop> {
  private exceptionHandler: Handler<Loop> | null = null

  /** @internal Ends the run with an error. */
  abstract _interrupt(error: unknown): void

  /** Sets who hears of errors that nobody catches; null goes back to `defaultExceptionHandler`. */
  setExceptionHandler(handler: Handler<Loop> | null): void {
    if (handler !== null) checkFunction('handler', handler)
    this.exceptionHandler = handler
  }

  getExceptionHandler(): Handler<Loop> | null {
    return this.exceptionHandler
  }

  /** Prints the context to stderr. */
  defaultExceptionHandler(context: ExceptionContext): void {
    printExceptionContext(context)
  }

  /** Reports an error that nobody is there to catch. Never throws. */
  callExceptionHandler(context: ExceptionContext): void {
    if (this.exceptionHandler === null) {
      this.defaultExceptionHandler(context)
      return
    }
    try {
      this.exceptionHandler(this as unknown as Loop, context)
    } catch (error) {
      if (endsLoop(error)) {
        this._interrupt(error)
        return
      }
      this.defaultExceptionHandler({
        message: 'Unhandled error in exception handler',
        exception: error,
        context,
      })
    }
  }
}

/** Writes the context to stderr: the message, the other fields in alphabetical order, the error. */
function printExceptionContext(context: ExceptionContext): void {
  const lines = [context.message]
  for (const key of Object.keys(context).sort()) {
    if (key === 'message' || key === 'exception') continue
    const value = context[key]
    if (key === 'sourceTraceback') lines.push(`created:\n${value}`)
    else lines.push(`${key}: ${inspect(value, { depth: 1 })}`)
  }
  if (context.exception !== undefined) lines.push(inspect(context.exception))
  console.error(lines.join('\n'))
}
