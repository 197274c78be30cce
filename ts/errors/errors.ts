// The errors Gyre throws. One base class, one stable `code` each: branch on `code` or on the class,
// never on the text. Errors of the operating system keep Node's form (see system_error.ts) and bad
// arguments are Node's TypeError and RangeError (see arguments.ts).

/** Base of every error that Gyre itself defines. */
export class GyreError extends Error {
  /** A stable string that names the kind of error; the message may change, this does not. */
  readonly code: string

  constructor(message: string | undefined, code: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    nameAfterClass(new.target)
  }
}

/**
 * Errors are named after their class, subclasses of users included. The name stands on the
 * prototype, where it is not printed with every error, and is there before the first instance is
 * given away: to define it on each would cost as much as the rest of the error.
 */
function nameAfterClass(kind: typeof GyreError): void {
  const { prototype } = kind
  if (Object.hasOwn(prototype, 'name')) return
  Object.defineProperty(prototype, 'name', {
    value: kind.name,
    configurable: true,
    writable: true,
    enumerable: false,
  })
}

/**
 * Something was used in a way that cannot work: a loop that already runs, a future of another loop,
 * a task that waits for itself. What asyncio reports as RuntimeError; `code` tells the cases apart.
 */
export class RuntimeError extends GyreError {
  constructor(message: string, code = 'ERR_RUNTIME', options?: ErrorOptions) {
    super(message, code, options)
  }
}

/**
 * The task or future was cancelled. Thrown where the cancelled task waits, so that `finally` blocks
 * run. Catch it to clean up, then throw it on; swallowing it is allowed but rarely right.
 */
export class CancelledError extends GyreError {
  /** What was passed to `cancel(reason)`, unchanged; undefined when nothing was. */
  readonly reason: unknown
  /** Private, as it is for programs to ask: printed, it would drag a task graph into every log line. */
  readonly #origin: object | null

  constructor(reason?: unknown, origin: object | null = null) {
    // Without a reason the message is the prototype's: an own one takes V8 a sixth of the whole error.
    super(
      reason === undefined ? undefined : `cancelled: ${describeReason(reason)}`,
      'ERR_CANCELLED',
    )
    this.reason = reason
    this.#origin = origin
  }

  /** The future or task on which `cancel()` was called first; null where it is not known. */
  get origin(): object | null {
    return this.#origin
  }
}

Object.defineProperty(CancelledError.prototype, 'message', {
  value: 'cancelled',
  configurable: true,
  writable: true,
  enumerable: false,
})

function describeReason(reason: unknown): string {
  if (reason instanceof Error) return reason.message
  if (typeof reason === 'object' && reason !== null) return Object.prototype.toString.call(reason)
  return String(reason)
}

/** An operation that the object's state does not allow, such as a second result for a future. */
export class InvalidStateError extends GyreError {
  constructor(message: string) {
    super(message, 'ERR_INVALID_STATE')
  }
}

/** A deadline of `timeout`, `timeoutAt`, `waitFor` or `asCompleted` passed. */
export class TimeoutError extends GyreError {
  constructor(message = 'the operation timed out', options?: ErrorOptions) {
    super(message, 'ERR_TIMEOUT', options)
  }
}

/** The loop was closed: nothing can be scheduled on it any more. */
export class EventLoopClosedError extends RuntimeError {
  constructor(message = 'Event loop is closed') {
    super(message, 'ERR_EVENT_LOOP_CLOSED')
  }
}

/** `run` found that nothing can ever wake the main task; the message shows who waits on what. */
export class DeadlockError extends GyreError {
  constructor(message: string) {
    super(message, 'ERR_DEADLOCK')
  }
}

/** The program was interrupted by SIGINT. Ends the loop wherever it is thrown. */
export class KeyboardInterrupt extends GyreError {
  constructor(message = 'interrupted by SIGINT') {
    super(message, 'ERR_KEYBOARD_INTERRUPT')
  }
}

/**
 * Thrown by a task to end its loop; `run` rejects with it, and also when SIGTERM ended it in a soft
 * shutdown (`exitCode` 143 then). It does not end the process by itself.
 */
export class SystemExit extends GyreError {
  /** The exit code that the program wishes to end with. */
  readonly exitCode: number

  constructor(exitCode = 0, message = `exit ${exitCode}`) {
    super(message, 'ERR_SYSTEM_EXIT')
    this.exitCode = exitCode
  }
}

/** The backend in use cannot do this; the message says which one can. */
export class NotSupportedError extends GyreError {
  constructor(message: string) {
    super(message, 'ERR_NOT_SUPPORTED')
  }
}

/** A stream ended before what was asked for had arrived. */
export class IncompleteReadError extends GyreError {
  /** The bytes that did arrive. */
  readonly partial: Uint8Array
  /** How many bytes were asked for; null when a separator was awaited. */
  readonly expected: number | null

  constructor(partial: Uint8Array, expected: number | null) {
    const wanted = expected === null ? 'undefined' : String(expected)
    super(
      `${partial.length} bytes read on a total of ${wanted} expected bytes`,
      'ERR_INCOMPLETE_READ',
    )
    this.partial = partial
    this.expected = expected
  }
}

/** A separator was not found within the stream's limit. */
export class LimitOverrunError extends GyreError {
  /** How many bytes can be consumed to go on behind the offending part. */
  readonly consumed: number

  constructor(message: string, consumed: number) {
    super(message, 'ERR_LIMIT_OVERRUN')
    this.consumed = consumed
  }
}

/** getNowait() on an empty queue. */
export class QueueEmpty extends GyreError {
  constructor(message = 'the queue is empty') {
    super(message, 'ERR_QUEUE_EMPTY')
  }
}

/** putNowait() on a full queue. */
export class QueueFull extends GyreError {
  constructor(message = 'the queue is full') {
    super(message, 'ERR_QUEUE_FULL')
  }
}

/** The queue was shut down: nothing can be put, and nothing is left to get. */
export class QueueShutDown extends GyreError {
  constructor(message = 'the queue was shut down') {
    super(message, 'ERR_QUEUE_SHUT_DOWN')
  }
}

/** The barrier was reset or aborted while this task waited, or before. */
export class BrokenBarrierError extends RuntimeError {
  constructor(message: string) {
    super(message, 'ERR_BROKEN_BARRIER')
  }
}

/**
 * Whether an error means "this was cancelled": Gyre's CancelledError, or Node's and the web's
 * AbortError.
 */
export function isCancelled(error: unknown): boolean {
  if (error instanceof CancelledError) return true
  return error instanceof Error && error.name === 'AbortError'
}

/**
 * Whether an error must end the loop instead of being stored quietly (KeyboardInterrupt,
 * SystemExit).
 */
export function endsLoop(error: unknown): boolean {
  return error instanceof KeyboardInterrupt || error instanceof SystemExit
}
