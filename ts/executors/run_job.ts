// The worker's side of a job: finds the function, calls it, and says what became of it. The same for
// threads and processes.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { JobModuleError, NotSendableError } from '../errors/executor_errors'
import { sendError } from './error_transport'
import { type CancelWatch, callInJob, Job } from './job'
import type { JobSpec } from './job_function'
import type { Initializer, JobMessage, Reply } from './messages'

type AnyFunction = (this: Job, ...args: unknown[]) => unknown

/** What differs between a thread and a process. */
export interface WorkerSide {
  /** Whether a value can be sent to the other side. */
  isCloneable(value: unknown): boolean
  /** Run before the first job; null if there is nothing to run. */
  readonly initializer: Initializer | null
}

/**
 * Functions that were compiled or imported, by their source or module and then by their name; bounded, as
 * sources may be made up. A key put together of both would have to be hashed for each job.
 */
const functions = new Map<string, Map<string, AnyFunction>>()
const PLACES_MAX = 1000

/** Once the initializer has run: null, or why it failed. Undefined before. */
let initialized: Promise<Reply | null> | Reply | null | undefined

/** Runs a job to its end. Never throws, and gives a promise only where something is waited for. */
export function runJob(
  message: JobMessage,
  watch: CancelWatch,
  side: WorkerSide,
): Reply | Promise<Reply> {
  if (initialized === undefined) initialized = initialize(side)
  if (initialized !== null) return runInitialized(message, watch, side)
  if (watch.isCancelled()) return { kind: 'cancelled' }
  const fn = knownFunction(message.spec)
  if (fn === undefined) return findAndCall(message, watch, side)
  return message.isChunk ? callChunk(fn, message, watch, side) : call(fn, message, watch, side)
}

async function runInitialized(
  message: JobMessage,
  watch: CancelWatch,
  side: WorkerSide,
): Promise<Reply> {
  const failure = await initialized
  initialized = failure
  return failure ?? (await runJob(message, watch, side))
}

function initialize({ initializer, isCloneable }: WorkerSide): Promise<Reply | null> | null {
  if (initializer === null) return null
  const { spec, args } = initializer
  const job = new Job({ isCancelled: () => false, onCancel: () => {} })
  return (async () => {
    try {
      const fn = await findFunction(spec)
      await callInJob(job, () => fn.apply(job, [...args]))
      return null
    } catch (error) {
      return { kind: 'broken', error: sendError(error, isCloneable) }
    }
  })()
}

async function findAndCall(
  message: JobMessage,
  watch: CancelWatch,
  side: WorkerSide,
): Promise<Reply> {
  try {
    await findFunction(message.spec)
  } catch (error) {
    return { kind: 'threw', error: sendError(error, side.isCloneable) }
  }
  return await runJob(message, watch, side)
}

function call(
  fn: AnyFunction,
  { args }: JobMessage,
  watch: CancelWatch,
  { isCloneable }: WorkerSide,
): Reply | Promise<Reply> {
  const threw = (error: unknown): Reply => ({ kind: 'threw', error: sendError(error, isCloneable) })
  try {
    const job = new Job(watch)
    const value = callInJob(job, () => fn.apply(job, args as unknown[]))
    if (!isThenable(value)) return { kind: 'result', value: checkResult(value) }
    return Promise.resolve(value).then(
      (result): Reply => ({ kind: 'result', value: result }),
      threw,
    )
  } catch (error) {
    return threw(error)
  }
}

async function callChunk(
  fn: AnyFunction,
  { args }: JobMessage,
  watch: CancelWatch,
  { isCloneable }: WorkerSide,
): Promise<Reply> {
  const job = new Job(watch)
  const values: unknown[] = []
  try {
    for (const arg of args) {
      if (watch.isCancelled()) return { kind: 'cancelled' }
      let value = callInJob(job, () => fn.call(job, arg))
      if (isThenable(value)) value = await value
      values.push(checkResult(value))
    }
    return { kind: 'results', values, error: null }
  } catch (error) {
    return { kind: 'results', values, error: sendError(error, isCloneable) }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}

/** A coroutine that nobody steps would be sent as an empty object. */
function checkResult(value: unknown): unknown {
  if (typeof value !== 'object') return value
  const isGenerator = Object.prototype.toString.call(value) === '[object Generator]'
  if (!isGenerator) return value
  throw new NotSendableError('the job returned a generator: call `run` on it in the worker')
}

/** No source of a function reads like a URL. */
function placeOf(spec: JobSpec): string {
  return 'source' in spec ? spec.source : spec.module
}

function knownFunction(spec: JobSpec): AnyFunction | undefined {
  return functions.get(placeOf(spec))?.get(spec.name)
}

/** The function of a spec, kept for the next job. */
async function findFunction(spec: JobSpec): Promise<AnyFunction> {
  const known = knownFunction(spec)
  if (known !== undefined) return known
  const fn = 'source' in spec ? compile(spec) : await importFunction(spec)
  keep(spec, fn)
  return fn
}

function keep(spec: JobSpec, fn: AnyFunction): void {
  const place = placeOf(spec)
  const byName = functions.get(place)
  if (byName !== undefined) {
    byName.set(spec.name, fn)
    return
  }
  if (functions.size >= PLACES_MAX) {
    const [oldest] = functions.keys()
    functions.delete(oldest as string)
  }
  functions.set(place, new Map([[spec.name, fn]]))
}

/** REQUIRES: the source was found to stand alone; see free_names.ts, which knows what is offered. */
function compile({ source, name }: { source: string; name: string }): AnyFunction {
  const require = createRequire(join(process.cwd(), 'job.js'))
  const place = `//# sourceURL=gyre-job/${encodeURIComponent(name)}.js`
  const make = new Function('require', 'currentJob', '__name', `return (${source}\n)\n${place}`)
  return make(require, askForJob, <F>(fn: F) => fn) as AnyFunction
}

/** currentJob() for functions that were sent; see current_job.ts for why it is loaded when it is called. */
function askForJob(): Job {
  const { currentJob } = require('./current_job') as typeof import('./current_job')
  return currentJob()
}

async function importFunction({
  module,
  name,
}: {
  module: string
  name: string
}): Promise<AnyFunction> {
  let exported: Record<string, unknown>
  try {
    exported = (await import(module)) as Record<string, unknown>
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new JobModuleError(`the module ${module} does not load: ${why}`, { cause })
  }
  // A CommonJS module is the default export of itself, and not all its names may have been seen.
  const inner = exported.default as Record<string, unknown> | null | undefined
  for (const fn of [exported[name], inner?.[name]]) {
    if (typeof fn === 'function') return fn as AnyFunction
  }
  const names = Object.keys(exported).join(', ') || 'nothing'
  const what = name in exported ? 'is not a function' : 'is not there'
  throw new JobModuleError(`the export '${name}' of ${module} ${what}; it exports ${names}`)
}
