// Who submitted a job, for the stack of the error that it may end with. It is taken for every job, and V8
// needs longer for each frame than piscina for a step of its own, written out or not: so it is short.

import { limitStacks } from '../errors/stackless'
import { schedulingLoop } from '../loop/running'

/** Its stack is written out when it is read. */
export interface SubmitTrace {
  readonly stack?: string
}

type Caller = (...args: never[]) => unknown

/** Who submitted it, and who called that. In debug mode there are all. */
const FRAMES_MAX = 2

/** The innermost frames above `caller`, which is left out. */
export function traceOf(caller: Caller): SubmitTrace {
  const limit = Error.stackTraceLimit
  if (!(limit > FRAMES_MAX) || schedulingLoop().getDebug()) return completeTraceOf(caller)
  limitStacks(FRAMES_MAX)
  try {
    return completeTraceOf(caller)
  } finally {
    limitStacks(limit)
  }
}

/** All frames above `caller`, up to Error.stackTraceLimit. */
export function completeTraceOf(caller: Caller): SubmitTrace {
  // V8 turns what gets a stack into a dictionary; one without a prototype is a dictionary from the start.
  const trace: SubmitTrace = Object.create(null)
  Error.captureStackTrace(trace, caller)
  return trace
}

/** The frames, as they stand behind those of the error. */
export function submittedAt({ stack = '' }: SubmitTrace): string {
  return `    -- submitted --\n${stack.split('\n').slice(1).join('\n')}`
}
