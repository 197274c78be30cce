// What a loop does with errors that nobody is there to catch, as asyncio's loops do: they go to the
// loop's exception handler with a context that says what happened.

import { inspect } from 'node:util'

/**
 * What an exception handler is told. More fields may stand in it: future, task, handle, transport…
 */
export interface ExceptionContext {
  /** What happened, in a sentence. */
  message: string
  /** The error, where there is one. */
  exception?: unknown
  [detail: string]: unknown
}

/** Writes the context to stderr: the message, the other fields in alphabetical order, the error. */
export function printExceptionContext(context: ExceptionContext): void {
  const lines = [context.message]
  for (const key of Object.keys(context).sort()) {
    if (key === 'message' || key === 'exception') continue
    lines.push(`${key}: ${inspect(context[key], { depth: 1 })}`)
  }
  if (context.exception !== undefined) lines.push(inspect(context.exception))
  console.error(lines.join('\n'))
}
