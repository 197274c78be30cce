// ThreadPoolExecutor and ProcessPoolExecutor, after concurrent.futures.

import type { ResourceLimits } from 'node:worker_threads'
import { invalidType } from '../errors/arguments'
import { checkOptions, Executor, type ExecutorOptions, reportStrayError } from './executor'
import { ProcessHost } from './process_host'
import { ThreadHost } from './thread_host'

export interface ThreadPoolOptions extends ExecutorOptions {
  /** Limits of each thread's heap, as of `worker_threads`. A thread that exceeds them dies alone. */
  resourceLimits?: ResourceLimits | undefined
}

export interface ProcessPoolOptions extends ExecutorOptions {
  /** The environment of the processes; by default that of this one. */
  env?: NodeJS.ProcessEnv | undefined
  /** Options for node, such as `--max-old-space-size`; by default those of this process. */
  execArgv?: readonly string[] | undefined
}

/**
 * Runs jobs in threads: for computing and for blocking calls. Threads start when there is work for them,
 * stay for the next job, and do not keep the program alive while they are idle.
 */
export class ThreadPoolExecutor extends Executor {
  constructor(options: ThreadPoolOptions = {}) {
    const checked = checkOptions(options)
    const { resourceLimits } = options
    if (resourceLimits !== undefined && !isObject(resourceLimits)) {
      throw invalidType('options.resourceLimits', 'an object', resourceLimits)
    }
    super(checked, new ThreadHost({ ...checked, resourceLimits }, reportStrayError))
  }
}

/**
 * Runs jobs in processes of their own: what crashes there, even V8, harms no other job. Starting one and
 * talking to it is dearer than with threads, and no memory is shared.
 */
export class ProcessPoolExecutor extends Executor {
  constructor(options: ProcessPoolOptions = {}) {
    const checked = checkOptions(options)
    const { env, execArgv } = options
    if (env !== undefined && !isObject(env)) throw invalidType('options.env', 'an object', env)
    if (execArgv !== undefined && !isListOfStrings(execArgv)) {
      throw invalidType('options.execArgv', 'an array of strings', execArgv)
    }
    super(checked, new ProcessHost({ ...checked, env, execArgv }, reportStrayError))
  }
}

function isListOfStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
