// What a loop does with errors that nobody is there to catch, as asyncio's loops do: they go to the
// loop's exception handler with a context that says what happened.

import { checkFunction, checkObject } from '../errors/arguments'
import { endsLoop } from '../errors/errors'
import { printed } from '../errors/printing'

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
    checkObject('context', context)
    printExceptionContext(context)
  }

  /**
   * Reports an error that nobody is there to catch. What the handler throws is reported as well, so that
   * nothing but a KeyboardInterrupt or SystemExit, which end the loop, comes of it.
   */
  callExceptionHandler(context: ExceptionContext): void {
    checkObject('context', context)
    const handler = this.exceptionHandler
    if (handler === null) {
      this.reportByDefault(context)
      return
    }
    try {
      handler(this as unknown as Loop, context)
    } catch (exception) {
      if (endsLoop(exception)) this._interrupt(exception)
      else {
        const message = 'Unhandled error in exception handler'
        this.reportByDefault({ message, exception, context })
      }
    }
  }

  /** A subclass may have a default handler of its own. */
  private reportByDefault(context: ExceptionContext): void {
    try {
      this.defaultExceptionHandler(context)
    } catch (exception) {
      if (endsLoop(exception)) this._interrupt(exception)
      else {
        const message = 'Exception in default exception handler'
        printExceptionContext({ message, exception, context })
      }
    }
  }
}

/** Writes the context to stderr: the message, the other fields in alphabetical order, the error. */
function printExceptionContext(context: ExceptionContext): void {
  const lines = [`${context.message || 'Unhandled exception in event loop'}`]
  for (const key of Object.keys(context).sort()) {
    if (key === 'message' || key === 'exception') continue
    const value = context[key]
    if (key === 'sourceTraceback') lines.push(`created:\n${value}`)
    else lines.push(`${key}: ${printed(value, { depth: 1 })}`)
  }
  if (context.exception !== undefined) lines.push(printed(context.exception))
  console.error(lines.join('\n'))
}
