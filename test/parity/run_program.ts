// Runs one random program under Gyre, on a virtual clock, and gives its trace.

import { DeadlockError, getRunningLoop, KeyboardInterrupt, RuntimeError } from 'gyre'
import { runVirtual } from 'gyre/testing'
import { Environment, type Started } from './environment.js'
import type { Program } from './program.js'
import type { Instance } from './ranks.js'
import { describe } from './trace.js'

/**
 * How a program ended: main returned or threw; nothing could ever wake it; KeyboardInterrupt. CPython
 * alone hangs: when main has returned, but what it left behind never does. Gyre's `run` reports that.
 */
export type End = 'returned' | 'deadlock' | 'interrupt' | 'hang'

export type Outcome = {
  end: End
  /** Unless it returned, also what happened while it was shut down: more than CPython's trace has. */
  lines: string[]
}

/** How coroutines are written: as generator functions (interpret.ts) or as async functions. */
export type Style = {
  /** Makes the coroutine of an instance; nothing of it runs before it is awaited. */
  start(environment: Environment, instance: Instance): Started
  /** Makes the main coroutine, which awaits what `begin` gives. */
  main(begin: () => Started): Started
}

export async function runProgram(program: Program, style: Style): Promise<Outcome> {
  let environment: Environment | undefined
  let result: unknown
  const begin = () => {
    environment = new Environment(program, getRunningLoop(), style.start)
    return environment.start(environment.ranks.instance(0) as Instance)
  }
  try {
    result = await runVirtual(style.main(begin))
  } catch (error) {
    result = error
  }
  if (environment === undefined) throw result
  const { trace } = environment
  const isDeadlock = result instanceof DeadlockError
  const spoilsShutdown = isDeadlock || isStopped(result)
  if (result instanceof KeyboardInterrupt || (environment.interrupted && spoilsShutdown)) {
    return { end: 'interrupt', lines: trace.lines }
  }
  if (isDeadlock) return { end: 'deadlock', lines: trace.lines }
  environment.closed()
  trace.log('run', describe(result))
  return { end: 'returned', lines: trace.lines }
}

/** When an interrupt comes just as main ends, the shutdown finds the loop stopped, as in asyncio. */
function isStopped(error: unknown): boolean {
  return error instanceof RuntimeError && error.code === 'ERR_LOOP_STOPPED'
}
