// requestScope: a task for an HTTP request, which lives as long as its client waits.

import type { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Timeout } from '../combine/timeouts'
import { timeout } from '../combine/timeouts'
import { checkDelay, checkFunction, invalidType } from '../errors/arguments'
import { TimeoutError } from '../errors/errors'
import type { Waiter } from '../future/waiter'
import { captureContext } from '../loop/context'
import { type EventLoop, Kind } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { type Coro, type Coroutine, isGeneratorFunction } from '../task/coroutine'
import { currentTask } from '../task/current'
import type { Task } from '../task/task'

const SERVICE_UNAVAILABLE = 503

/** What the body of a request scope is given. */
export interface RequestScope {
  /** Aborted when the client goes away or the deadline passes: for `fetch` and the like. */
  readonly signal: AbortSignal
  /** The task that the body runs in. */
  readonly task: Task<unknown>
}

export interface RequestScopeOptions {
  /** How long the body may take, in milliseconds; without limit unless given. */
  deadline?: number | undefined
  /**
   * Answers when the deadline has passed and nothing was sent. By default: 503 with a line of text.
   */
  onDeadline?: ((response: ServerResponse) => void) | undefined
  /** Whether a soft shutdown lets the body finish; see the `drain` option of tasks. */
  drain?: boolean | undefined
  /** The name of the task; by default the method and the URL. */
  name?: string | undefined
}

type Body<T> = (scope: RequestScope) => Coroutine<T> | PromiseLike<T>

/** Makes the signal when it is asked for: an AbortController costs as much as the task. */
class Scope implements RequestScope {
  constructor(readonly task: Task<unknown>) {}

  get signal(): AbortSignal {
    return this.task.signal
  }
}

/**
 * Runs `body(scope)` for a request of node:http, Express or Fastify (`request.raw`, `reply.raw`),
 * as a task that is cancelled when the client goes away before it has its answer. Gives what the
 * body gives, and rejects with what it throws. Gives undefined when there is nothing left to
 * answer: the client has gone, the deadline has passed, or the loop drains. At the deadline the
 * body is cancelled, and when it has cleaned up the client gets a 503; if part of an answer was
 * sent already, its connection is dropped, so that it does not take the part for the whole. In the
 * grace of a soft shutdown a new request gets a 503, too.
 */
export function requestScope<T>(
  request: IncomingMessage,
  response: ServerResponse,
  body: Body<T>,
  options: RequestScopeOptions = {},
): Promise<T | undefined> {
  checkArguments(response, body, options)
  const loop = schedulingLoop()
  if (loop._admission?.mayMake(currentTask()) === false) {
    if (!response.headersSent) sayUnavailable(response, 'the server is shutting down')
    return Promise.resolve(undefined)
  }
  const answering = new Answering(loop, response, body, options)
  answering.begin(options.name ?? `${request?.method} ${request?.url}`)
  return new Promise((resolve, reject) => answering.settleBy(resolve, reject))
}

/**
 * A scope under way: it begins the task, hears of the client's leaving, and of the task's end. Not
 * `await task`: the handler may run in the context of a task that has nothing to do with it.
 */
class Answering<T> implements Waiter {
  private task!: Task<T>
  private isClientGone = false
  private timeout: Timeout | null = null
  /** The handler's context, for `onDeadline`. */
  private readonly context: AsyncResource | null
  private resolve!: (result: T | undefined) => void
  private reject!: (error: unknown) => void

  constructor(
    private readonly loop: EventLoop,
    private readonly response: ServerResponse,
    private readonly body: Body<T>,
    private readonly options: RequestScopeOptions,
  ) {
    this.context = options.deadline === undefined ? null : captureContext('GyreRequestScope')
  }

  begin(name: string): void {
    const { response } = this
    const { drain = false } = this.options
    this.task = this.loop.createTask(this.coroutine(), { name, drain })
    if (response.closed || response.destroyed) this.onClose()
    else response.on('close', this.onClose)
    this.task._addWaiter(this)
  }

  /** REQUIRES: the call in which it began has not returned. */
  settleBy(resolve: (result: T | undefined) => void, reject: (error: unknown) => void): void {
    this.resolve = resolve
    this.reject = reject
  }

  /** What the task runs. A body that is a generator function stays one: its task is the cheaper. */
  private coroutine(): Coro<T> {
    const { deadline } = this.options
    if (deadline !== undefined) return runInTime(this, deadline)
    return isGeneratorFunction(this.body) ? runSteps(this) : () => this.start()
  }

  /** REQUIRES: the caller is in the task. */
  start(within: Timeout | null = null): ReturnType<Body<T>> {
    this.timeout = within
    return this.body(new Scope(currentTask() as Task<unknown>))
  }

  private readonly onClose = (): void => {
    if (hasAnswer(this.response)) return
    this.isClientGone = true
    this.task.cancel('the client went away')
  }

  _wake(): void {
    this.loop.ring.push(Kind.DONE_CALLBACK, this)
  }

  _describeWaiter(): string {
    return 'requestScope()'
  }

  /** The task is done. */
  run(): void {
    this.response.off('close', this.onClose)
    try {
      this.resolve(this.outcome())
    } catch (error) {
      this.reject(error)
    }
  }

  /** What the body came to; answers in its place where it cannot. */
  private outcome(): T | undefined {
    const { task, response } = this
    try {
      return task.result()
    } catch (error) {
      if (task.cancelled() && this.isClientGone) return undefined
      if (!(error instanceof TimeoutError && this.timeout?.expired())) throw error
      if (!response.headersSent) {
        const { onDeadline = sayUnavailable } = this.options
        this.context?.runInAsyncScope(onDeadline, undefined, response)
      } else if (!hasAnswer(response)) {
        response.destroy()
      }
      return undefined
    }
  }
}

// Not closures: for each that is called V8 makes a hidden class, which stands among the old objects, and so
// keeps the request until the next full collection. That doubled what a request costs.

function* runSteps<T>(answering: Answering<T>): Coroutine<T> {
  return yield* answering.start() as Coroutine<T>
}

function* runInTime<T>(answering: Answering<T>, deadlineMs: number): Coroutine<T> {
  return yield* timeout(deadlineMs, (within) => answering.start(within))
}

/** Whether all of the answer was handed over; what happens to the connection then is no matter. */
function hasAnswer(response: ServerResponse): boolean {
  // Responses of HTTP/2 do not tell the two apart.
  return response.writableFinished ?? response.writableEnded
}

function sayUnavailable(response: ServerResponse, why = 'the request took too long'): void {
  response.writeHead(SERVICE_UNAVAILABLE, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${why}\n`)
}

function checkArguments(response: unknown, body: unknown, options: RequestScopeOptions): void {
  const { on } = (response ?? {}) as Partial<ServerResponse>
  if (typeof on !== 'function') throw invalidType('response', 'a ServerResponse', response)
  checkFunction('body', body)
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  if (options.deadline !== undefined) checkDelay('options.deadline', options.deadline)
  if (options.onDeadline !== undefined) checkFunction('options.onDeadline', options.onDeadline)
}
