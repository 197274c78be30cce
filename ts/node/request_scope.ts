// requestScope: a task for an HTTP request, which lives as long as its client waits.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Timeout } from '../combine/timeouts'
import { timeout } from '../combine/timeouts'
import { checkDelay, checkFunction, invalidType } from '../errors/arguments'
import { TimeoutError } from '../errors/errors'
import { schedulingLoop } from '../loop/running'
import type { Coroutine } from '../task/coroutine'
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

/** How the scope ended before its body did. */
interface Interruption {
  isClientGone: boolean
  deadline: Timeout | null
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
  body: (scope: RequestScope) => Coroutine<T> | PromiseLike<T>,
  options: RequestScopeOptions = {},
): Promise<T | undefined> {
  checkArguments(response, body, options)
  const loop = schedulingLoop()
  if (loop._admission?.mayMake(currentTask()) === false) {
    if (!response.headersSent) sayUnavailable(response, 'the server is shutting down')
    return Promise.resolve(undefined)
  }
  const { deadline, drain = false } = options
  const name = options.name ?? `${request?.method} ${request?.url}`
  const interruption: Interruption = { isClientGone: false, deadline: null }
  const task: Task<T> = loop.createTask(
    () =>
      timeout(deadline ?? null, (within) => {
        interruption.deadline = within
        return body({ signal: task.signal, task })
      }),
    { name, drain },
  )
  const onClose = () => {
    if (hasAnswer(response)) return
    interruption.isClientGone = true
    task.cancel('the client went away')
  }
  if (response.closed || response.destroyed) onClose()
  else response.once('close', onClose)
  task.addDoneCallback(() => response.off('close', onClose))
  return new Promise((resolve, reject) => {
    // Not `await task`: the handler may run in the context of a task that has nothing to do with it.
    task.addDoneCallback(() => {
      try {
        resolve(outcomeOf(task, response, interruption, options.onDeadline))
      } catch (error) {
        reject(error)
      }
    })
  })
}

/** What the body came to; answers in its place where it cannot. */
function outcomeOf<T>(
  task: Task<T>,
  response: ServerResponse,
  interruption: Interruption,
  onDeadline: (response: ServerResponse) => void = sayUnavailable,
): T | undefined {
  try {
    return task.result()
  } catch (error) {
    if (task.cancelled() && interruption.isClientGone) return undefined
    const isLate = error instanceof TimeoutError && interruption.deadline?.expired() === true
    if (!isLate) throw error
    if (response.headersSent) {
      if (!hasAnswer(response)) response.destroy()
    } else {
      onDeadline(response)
    }
    return undefined
  }
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
  const { once } = (response ?? {}) as Partial<ServerResponse>
  if (typeof once !== 'function') throw invalidType('response', 'a ServerResponse', response)
  checkFunction('body', body)
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  if (options.deadline !== undefined) checkDelay('options.deadline', options.deadline)
  if (options.onDeadline !== undefined) checkFunction('options.onDeadline', options.onDeadline)
}
