// How futures and tasks are printed (`util.inspect`, console.log): in asyncio's forms, such as
// `<Task pending name='Task-3' coro=<crawler() running at crawl.ts:12>>`.

import { inspect } from 'node:util'
import { printed } from '../errors/printing'
import { listAwaits } from '../future/awaits'
import { Future } from '../future/future'
import { FutureState, type Waiter } from '../future/waiter'
import { createdAt } from '../loop/origins'
import { whereIs } from './generator_location'
import { Task } from './task'

const STATE_NAMES = ['pending', 'finished', 'finished', 'cancelled'] as const

/** Tasks being printed: a task that waits for one that waits for it must not print for ever. */
const printing = new Set<Future<unknown>>()

function describe(future: Future<unknown>): string {
  const kind = future.constructor as typeof Future
  const name = kind._isInner ? 'Future' : kind.name
  if (printing.has(future)) return `<${name} ...>`
  printing.add(future)
  try {
    const parts = future instanceof Task ? taskParts(future) : futureParts(future)
    return `<${name} ${parts.join(' ')}${createdAt(future)}>`
  } finally {
    printing.delete(future)
  }
}

function futureParts(future: Future<unknown>): string[] {
  const parts: string[] = [STATE_NAMES[future._state]]
  if (future._state === FutureState.RESULT) parts.push(`result=${short(future._value)}`)
  if (future._state === FutureState.EXCEPTION) parts.push(`exception=${errorText(future._value)}`)
  const callbacks = callbackNames(future._waiters)
  if (callbacks.length > 0) parts.push(`cb=[${callbacks.join(', ')}]`)
  return parts
}

function taskParts(task: Task<unknown>): string[] {
  const [state, ...rest] = futureParts(task)
  const status = task.cancelling() > 0 && !task.done() ? 'cancelling' : (state as string)
  const parts = [status, `name='${task.getName()}'`, `coro=<${coroutineText(task)}>`]
  const waited = waitedFor(task).map(describe)
  if (waited.length === 1) parts.push(`wait_for=${waited[0]}`)
  else if (waited.length > 1) parts.push(`wait_for=[${waited.join(', ')}]`)
  return [...parts, ...rest]
}

/**
 * What a task waits for now. An async function may wait for several futures at once, and a generator
 * for an async body, which waits for others.
 */
export function waitedFor(task: Task<unknown>): Future<unknown>[] {
  const futures = listAwaits(task).map((entry) => entry._future as Future<unknown>)
  if (task._waitsFor !== null) futures.unshift(task._waitsFor)
  return futures.flatMap(withBody)
}

/** A future, and what its body waits for, if it is the end of one. */
function withBody(future: Future<unknown>): Future<unknown>[] {
  const body = future._bodyAwaits
  if (body === null) return [future]
  const inner = listAwaits(body).map((entry) => entry._future as Future<unknown>)
  return [future, ...inner.flatMap(withBody)]
}

/** `crawler() running at crawl.ts:12`, or without the place where JavaScript does not tell it. */
function coroutineText(task: Task<unknown>): string {
  const { name, place } = whereIs(task._running())
  const verb = task.done() ? 'done' : 'running'
  if (place === null) return `${name}() ${verb}`
  return task.done() ? `${name}() done, defined at ${place}` : `${name}() running at ${place}`
}

function callbackNames(waiters: Waiter | Waiter[] | null): string[] {
  const list = waiters === null ? [] : Array.isArray(waiters) ? waiters : [waiters]
  const names = list.map((waiter) => waiter._describeWaiter())
  if (names.length <= 2) return names
  return [names[0] as string, `<${names.length - 2} more>`, names.at(-1) as string]
}

function short(value: unknown): string {
  const text = printed(value, { depth: 1, breakLength: Infinity, maxStringLength: 60 })
  return text.length > 100 ? `${text.slice(0, 97)}...` : text
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return short(error)
  try {
    return `${error.name}(${inspect(error.message)})`
  } catch {
    return 'an error that cannot be printed'
  }
}

Object.defineProperty(Future.prototype, inspect.custom, {
  configurable: true,
  writable: true,
  value(this: Future<unknown>): string {
    return describe(this)
  },
})

/** The printed form, for messages. */
export function describeFuture(future: Future<unknown>): string {
  return describe(future)
}
