// run and Runner: a program's way in and out, after asyncio.run and asyncio.Runner (3.13).

import { isMainThread } from 'node:worker_threads'
import { gather } from '../combine/gather'
import { checkFunction, invalidType } from '../errors/arguments'
import { CancelledError, DeadlockError, KeyboardInterrupt, RuntimeError } from '../errors/errors'
import { FutureState } from '../future/waiter'
import { EventLoop } from '../loop/loop'
import { newEventLoop } from '../loop/running'
import { hasSignalHandler } from '../loop/signals'
import { type Coro, checkCoro } from '../task/coroutine'
import { tasksOf } from '../task/current'
import { stepping } from '../task/stepping'
import type { Task } from '../task/task'
import { watchForDeadlock } from './deadlock'

export interface RunnerOptions {
  /** Switches the loop's debug mode on or off; by default GYRE_DEBUG decides. */
  debug?: boolean | undefined
  /** Makes the loop; by default `newEventLoop`. */
  loopFactory?: (() => EventLoop) | undefined
  /** Whether SIGINT cancels main; by default so, where the program has no listener of its own. */
  handleSignals?: boolean | undefined
}

export interface RunOptions extends RunnerOptions {
  /** The name of the main task. */
  name?: string | undefined
  /** Cancels main, with the signal's reason, when it is aborted. */
  signal?: AbortSignal | undefined
}

const State = { CREATED: 0, INITIALIZED: 1, CLOSED: 2 } as const
type State = (typeof State)[keyof typeof State]

/** Runs several coroutines, one after another, on one loop of its own. */
export class Runner {
  private state: State = State.CREATED
  private loop: EventLoop | null = null

  constructor(private readonly options: RunnerOptions = {}) {
    if (typeof options !== 'object' || options === null) {
      throw invalidType('options', 'an object', options)
    }
    if (options.loopFactory !== undefined) checkFunction('options.loopFactory', options.loopFactory)
  }

  /** The loop, made at the first call. Throws RuntimeError when the runner is closed. */
  getLoop(): EventLoop {
    if (this.state === State.CLOSED) throw new RuntimeError('Runner is closed', 'ERR_RUNNER_CLOSED')
    if (this.loop === null) {
      this.loop = (this.options.loopFactory ?? newEventLoop)()
      if (!(this.loop instanceof EventLoop)) {
        throw invalidType('options.loopFactory()', 'an EventLoop', this.loop)
      }
      if (this.options.debug !== undefined) this.loop.setDebug(this.options.debug)
      this.state = State.INITIALIZED
    }
    return this.loop
  }

  /**
   * Runs `main` to its end and gives its result. Rejects with RuntimeError where a loop is running
   * already, with DeadlockError when nothing can ever wake main, and with KeyboardInterrupt when
   * SIGINT ended it.
   */
  async run<T>(
    main: Coro<T>,
    options: { name?: string | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    checkCoro('main', main)
    if (EventLoop._run !== null || stepping.task !== null || stepping.maker !== null) {
      const message = 'run() cannot be called while an event loop is running in this thread'
      throw new RuntimeError(message, 'ERR_LOOP_RUNNING')
    }
    const { signal } = options
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw invalidType('options.signal', 'an AbortSignal', signal)
    }
    const loop = this.getLoop()
    const task = loop.createTask(main, { name: options.name })
    const unlink = signal === undefined ? () => {} : cancelOnAbort(task, signal)
    const interrupts = new Interrupts(loop, task, this.options.handleSignals ?? true)
    const unwatch = watchForDeadlock(loop, task, task)
    try {
      return await loop.runUntilComplete(task)
    } catch (error) {
      throw interrupts.translate(error)
    } finally {
      unwatch()
      interrupts.remove()
      unlink()
    }
  }

  /** Cancels what is left, waits for it, reports its errors and closes the loop. */
  async close(): Promise<void> {
    if (this.state !== State.INITIALIZED) return
    const loop = this.loop as EventLoop
    this.state = State.CLOSED
    try {
      await cancelAllTasks(loop)
      await loop.runUntilComplete(loop.shutdownAsyncGens())
      await loop.runUntilComplete(loop.shutdownDefaultExecutor())
    } finally {
      this.loop = null
      loop.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function cancelOnAbort(task: Task<unknown>, signal: AbortSignal): () => void {
  const abort = () => task.cancel(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}

/** SIGINT while main runs: the first cancels main, the second ends the loop at once. */
class Interrupts {
  private count = 0
  private readonly isInstalled: boolean

  constructor(
    private readonly loop: EventLoop,
    private readonly main: Task<unknown>,
    wanted: boolean,
  ) {
    // A program with a listener of its own decides itself what SIGINT means.
    this.isInstalled = wanted && isMainThread && process.listenerCount('SIGINT') === 0
    if (this.isInstalled) process.on('SIGINT', this.interrupt)
  }

  remove(): void {
    if (this.isInstalled) process.removeListener('SIGINT', this.interrupt)
  }

  /** A cancellation that came from SIGINT alone becomes KeyboardInterrupt. */
  translate(error: unknown): unknown {
    const isOurs = this.count > 0 && error instanceof CancelledError
    return isOurs && this.main.uncancel() === 0 ? new KeyboardInterrupt() : error
  }

  private readonly interrupt = (): void => {
    // As in asyncio, a handler that main added takes the place of this one.
    if (hasSignalHandler(this.loop, 'SIGINT')) return
    this.count++
    if (this.count === 1 && !this.main.done()) {
      this.main.cancel()
      return
    }
    this.remove()
    this.loop._interrupt(new KeyboardInterrupt())
  }
}

/**
 * A task that waits for what never comes, such as a promise that nobody settles, is not waited for: it
 * is reported when the loop closes.
 */
async function waitForAll(loop: EventLoop, tasks: readonly Task<unknown>[]): Promise<void> {
  const all = gather(tasks, { returnExceptions: true })
  const unwatch = watchForDeadlock(loop, all, tasks[0] as Task<unknown>)
  try {
    await loop.runUntilComplete(all)
  } catch (error) {
    if (!(error instanceof DeadlockError)) throw error
  } finally {
    unwatch()
  }
}

async function cancelAllTasks(loop: EventLoop): Promise<void> {
  const tasks = [...tasksOf(loop)]
  if (tasks.length === 0) return
  for (const task of tasks) task.cancel()
  await waitForAll(loop, tasks)
  for (const task of tasks) {
    if (task._state !== FutureState.EXCEPTION) continue
    const exception = task.exception()
    loop.callExceptionHandler({
      message: 'unhandled exception during run() shutdown',
      exception,
      task,
    })
  }
}

/**
 * Runs `main` on a fresh loop and gives its result. At the end, whatever the end is, it cancels the
 * tasks that are left, waits for them, reports their errors and closes the loop. See Runner.run for
 * what it rejects with.
 */
export async function run<T>(main: Coro<T>, options: RunOptions = {}): Promise<T> {
  checkCoro('main', main)
  const runner = new Runner(options)
  try {
    return await runner.run(main, { name: options.name, signal: options.signal })
  } finally {
    await runner.close()
  }
}
