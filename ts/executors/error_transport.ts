// Errors on their way between workers and the program. Structured clone keeps the class of built-in
// errors and loses name, code and all other properties; this keeps them. A value that cannot be cloned
// (a function in error.context, say) becomes its printed form: an error must always arrive.

import { inspect } from 'node:util'
import * as errors from '../errors/errors'
import { ExceptionGroup } from '../errors/exception_group'
import * as executorErrors from '../errors/executor_errors'
import { frameOf, isOwnFrame } from '../errors/own_frames'

/** An error, or anything else that was thrown, as plain data. */
export type SentError =
  | { readonly kind: 'value'; readonly value: unknown }
  | {
      readonly kind: 'error'
      /** The constructor's name: that of the class, if it is one that the other side knows. */
      readonly className: string
      readonly name: string
      readonly message: string
      readonly stack: string
      readonly properties: Readonly<Record<string, unknown>>
      readonly cause?: SentError
      /** The members of an AggregateError. */
      readonly members?: readonly SentError[]
    }

/** Deeper causes are cut off: a chain may be a circle. */
const DEPTH_MAX = 8
/** What calls the function of a job, and what stands between the two besides frames of our own. */
const CALLER = /^\s+at callInJob \(/
const BETWEEN =
  /\b(AsyncLocalStorage\.run|processTicksAndRejections) \(node:|[\\/]piscina[\\/]dist[\\/]/
const CARRIED_APART = new Set(['name', 'message', 'stack', 'cause', 'errors'])

type ErrorClass = { readonly name: string; readonly prototype: Error }

const BUILT_IN: readonly ErrorClass[] = [
  ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError],
  AggregateError,
  DOMException,
]
const OWN = [ExceptionGroup, ...Object.values(errors), ...Object.values(executorErrors)].filter(
  (value) => value.prototype instanceof Error,
) as readonly ErrorClass[]
const KNOWN_CLASSES = new Map([...BUILT_IN, ...OWN].map((known) => [known.name, known]))

/** Never throws: what cannot travel is printed, and what cannot be printed is named. */
export function sendError(
  error: unknown,
  isCloneable: (value: unknown) => boolean,
  depth = 0,
): SentError {
  try {
    return sendReadable(error, isCloneable, depth)
  } catch {
    // Its own code failed: an accessor, the trap of a proxy.
    return { kind: 'value', value: printed(error) }
  }
}

/** Throws what the code of the error throws. */
function sendReadable(
  error: unknown,
  isCloneable: (value: unknown) => boolean,
  depth: number,
): SentError {
  if (!(error instanceof Error)) {
    return { kind: 'value', value: isCloneable(error) ? error : printed(error) }
  }
  const goOn = (inner: unknown) =>
    depth < DEPTH_MAX
      ? sendError(inner, isCloneable, depth + 1)
      : { kind: 'value' as const, value: '…' }
  const properties: Record<string, unknown> = {}
  for (const key of Object.keys(error)) {
    if (CARRIED_APART.has(key)) continue
    const value = propertyOf(error, key)
    properties[key] = isCloneable(value) ? value : printed(value)
  }
  // Accessors of the prototype in DOMException, hidden in an ExceptionGroup.
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' || typeof code === 'number') properties.code ??= code
  return {
    kind: 'error',
    className: classNameOf(error),
    name: String(error.name),
    message: String(error.message),
    stack: withoutMachinery(String(error.stack)),
    properties,
    ...('cause' in error && error.cause !== undefined ? { cause: goOn(error.cause) } : {}),
    ...(error instanceof AggregateError ? { members: membersOf(error).map(goOn) } : {}),
  }
}

/** What is read of an error may be code of its own, that throws. */
function propertyOf(error: object, key: string): unknown {
  try {
    return (error as Record<string, unknown>)[key]
  } catch (thrown) {
    return `[threw ${printed(thrown)}]`
  }
}

/** Somebody may have put something else in the place of the list. */
function membersOf({ errors }: AggregateError): unknown[] {
  return Array.isArray(errors) ? errors : []
}

function printed(value: unknown): string {
  try {
    return inspect(value)
  } catch {
    return `[${typeof value} that cannot be printed]`
  }
}

/** A stack without the frames below the job's function, which are the worker's own. */
function withoutMachinery(stack: string): string {
  const lines = stack.split('\n')
  const caller = lines.findIndex((line) => CALLER.test(line) && isOwnFrame(line))
  // A stack that is cut short, or that of an async function, ends before.
  let end = caller === -1 ? lines.length : caller
  while (end > 1 && isMachinery(lines[end - 1] as string)) end--
  return lines.slice(0, end).join('\n')
}

function isMachinery(line: string): boolean {
  return frameOf(line) !== null && (isOwnFrame(line) || BETWEEN.test(line))
}

/** The nearest class that the other side knows. */
function classNameOf(error: Error): string {
  let prototype: object | null = Object.getPrototypeOf(error)
  while (prototype !== null) {
    const { name } = prototype.constructor
    if (KNOWN_CLASSES.has(name)) return name
    prototype = Object.getPrototypeOf(prototype)
  }
  return 'Error'
}

/** The error anew. `submittedAt` is the stack of who sent the job; it is appended. */
export function receiveError(sent: SentError, submittedAt: string | null): unknown {
  if (sent.kind === 'value') return sent.value
  const { className, name, message, stack, properties, cause, members } = sent
  const isDomException = className === 'DOMException'
  const known = KNOWN_CLASSES.get(className) as ErrorClass
  const error: Error = isDomException
    ? new DOMException(message, name)
    : Object.setPrototypeOf(new Error(message), known.prototype)
  define(error, 'stack', submittedAt === null ? stack : `${stack}\n${submittedAt}`)
  if (error.name !== name) define(error, 'name', name)
  if (cause !== undefined) define(error, 'cause', receiveError(cause, null))
  if (members !== undefined) {
    define(
      error,
      'errors',
      members.map((member) => receiveError(member, null)),
    )
  }
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'code' && isDomException) continue
    define(error, key, value, true)
  }
  return error
}

function define(error: object, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, configurable: true, writable: true })
}
