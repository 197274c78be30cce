// gyre/testing: programs full of sleeps, run at once.

import { checkObject } from './errors/arguments'
import { type RunOptions, run } from './run/runner'
import { virtualLoop } from './run/virtual'
import type { Coro } from './task/coroutine'
import './index'

export interface RunVirtualOptions extends RunOptions {
  /** Which backend to use; by default the one that `run` would use. */
  backend?: 'native' | 'fallback' | undefined
}

/**
 * Like `run`, on a loop whose clock starts at 0 and jumps to the next timer whenever nothing is
 * ready: a program full of sleeps runs at once, always in the same order. Rejects with
 * DeadlockError as soon as nothing is ready, no timer is armed, and main waits only on futures of
 * the loop.
 *
 * The clock does not wait for sockets, files or promises from outside the loop: use it for programs
 * whose only delays are the loop's own.
 */
export function runVirtual<T>(main: Coro<T>, options: RunVirtualOptions = {}): Promise<T> {
  checkObject('options', options)
  const { backend, ...rest } = options
  return run(main, { ...rest, loopFactory: rest.loopFactory ?? (() => virtualLoop(backend)) })
}
