// run and Runner: a program's way in and out, after asyncio.run and asyncio.Runner (3.13).

import {
  checkDelay,
  checkFunction,
  checkObject,
  checkSwitch,
  invalidType,
} from '../errors/arguments'
import { endsLoop, RuntimeError } from '../errors/errors'
import { stepping } from '../future/stepping'
import { refusal } from '../loop/admission'
import { EventLoop } from '../loop/loop'
import { newEventLoop } from '../loop/running'
import { type Coro, checkCoro } from '../task/coroutine'
import type { Task } from '../task/task'
import './async_generators'
import { cancelAllTasks, runToTheEnd } from './cancel_all'
import { watchForDeadlock } from './deadlock'
import { SHUTDOWN_TIMEOUT_MS } from './default_executor'
import { Grace } from './grace'
import { Signals } from './signals'
import './until_complete'

/** A soft shutdown. */
export interface ShutdownOptions {
  /** How long tasks made with `drain: true` may go on before all is cancelled. Milliseconds. */
  graceMs: number
}

export interface RunnerOptions {
  /** Switches the loop's debug mode on or off; by default GYRE_DEBUG decides. */
  debug?: boolean | undefined
  /** Makes the loop; by default `newEventLoop`. */
  loopFactory?: (() => EventLoop) | undefined
  /**
   * Whether SIGINT cancels main, and with `shutdown` SIGTERM begins the end; by default so, where the
   * program has no listener of its own.
   */
  handleSignals?: boolean | undefined
  /**
   * At the end, and at SIGTERM, let draining tasks finish first, for at most so long, and begin no new
   * work meanwhile.
   */
  shutdown?: ShutdownOptions | undefined
}

/** Of one main task. */
export interface MainOptions {
  /** The name of the main task. */
  name?: string | undefined
  /** Cancels main, with the signal's reason, when it is aborted. */
  signal?: AbortSignal | undefined
  /** A soft shutdown by SIGTERM lets main finish, too. */
  drain?: boolean | undefined
}

export interface RunOptions extends RunnerOptions, MainOptions {}

const State = { CREATED: 0, INITIALIZED: 1, CLOSED: 2 } as const
type State = (typeof State)[keyof typeof State]

/** Runs several coroutines, one after another, on one loop of its own. */
export class Runner {
  private state: State = State.CREATED
  private loop: EventLoop | null = null
  private grace: Grace | null = null
  private signals: Signals | null = null

  constructor(private readonly options: RunnerOptions = {}) {
    checkObject('options', options)
    if (options.loopFactory !== undefined) checkFunction('options.loopFactory', options.loopFactory)
    if (options.shutdown !== undefined) checkShutdown(options.shutdown)
    for (const name of ['debug', 'handleSignals'] as const) {
      checkSwitch(`options.${name}`, options[name])
    }
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
      const { shutdown, handleSignals = true } = this.options
      if (shutdown !== undefined) this.grace = new Grace(this.loop, shutdown.graceMs)
      this.signals = new Signals(this.loop, this.grace, handleSignals)
    }
    return this.loop
  }

  /**
   * Runs `main` to its end and gives its result. Rejects with RuntimeError where a loop is running
   * already, with DeadlockError when nothing can ever wake main, with KeyboardInterrupt when SIGINT
   * ended it, with SystemExit (exitCode 143) when SIGTERM did in a soft shutdown, and with
   * RuntimeError (ERR_SHUTTING_DOWN) in every later run.
   */
  async run<T>(main: Coro<T>, options: MainOptions = {}): Promise<T> {
    checkCoro('main', main)
    checkObject('options', options)
    if (EventLoop._run !== null || stepping.task !== null || stepping.maker !== null) {
      const message = 'run() cannot be called while an event loop is running in this thread'
      throw new RuntimeError(message, 'ERR_LOOP_RUNNING')
    }
    const { signal } = options
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw invalidType('options.signal', 'an AbortSignal', signal)
    }
    const loop = this.getLoop()
    const signals = this.signals as Signals
    if (this.grace?.hasBegun()) throw refusal()
    const task = loop.createTask(main, { name: options.name, drain: options.drain })
    const unlink = signal === undefined ? () => {} : cancelOnAbort(task, signal)
    signals.install(task)
    const unwatch = watchForDeadlock(loop, task, task)
    try {
      return await loop.runUntilComplete(task)
    } catch (error) {
      // Who ends the loop at once has no time for a grace.
      if (endsLoop(error)) this.grace?.end()
      throw signals.translate(task, error)
    } finally {
      unwatch()
      signals.remove()
      unlink()
    }
  }

  /** @internal Begins a soft shutdown, as SIGTERM does. REQUIRES: the option `shutdown`. */
  _terminate(): void {
    this.getLoop()
    this.signals?.terminate()
  }

  /**
   * Grants the grace of `shutdown`, cancels what is left, waits for it, reports its errors and closes
   * the loop. Rejects with RuntimeError, and does nothing, while the loop is running.
   */
  async close(): Promise<void> {
    if (this.state !== State.INITIALIZED) return
    const loop = this.loop as EventLoop
    if (loop.isRunning()) {
      const message = 'a Runner cannot be closed while its loop is running'
      throw new RuntimeError(message, 'ERR_LOOP_RUNNING')
    }
    this.state = State.CLOSED
    try {
      await this.drain(loop)
      await cancelAllTasks(loop)
      const closing = loop.createTask(loop.shutdownAsyncGens())
      await runToTheEnd(loop, closing, closing)
      await loop.runUntilComplete(loop.shutdownDefaultExecutor(SHUTDOWN_TIMEOUT_MS))
    } finally {
      this.loop = null
      loop.close()
    }
  }

  private async drain(loop: EventLoop): Promise<void> {
    const { grace, signals } = this
    if (grace === null) return
    signals?.install(null)
    try {
      grace.begin()
      await loop.runUntilComplete(grace.over)
    } finally {
      grace.end()
      signals?.remove()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function checkShutdown(shutdown: unknown): void {
  checkObject('options.shutdown', shutdown)
  checkDelay('options.shutdown.graceMs', (shutdown as { graceMs?: unknown }).graceMs)
}

function cancelOnAbort(task: Task<unknown>, signal: AbortSignal): () => void {
  const abort = () => task.cancel(signal.reason)
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort, { once: true })
  return () => signal.removeEventListener('abort', abort)
}

/**
 * Runs `main` on a fresh loop and gives its result. At the end, whatever the end is, it cancels the
 * tasks that are left, waits for them, reports their errors and closes the loop; with `shutdown`,
 * draining tasks may finish before. See Runner.run for what it rejects with.
 */
export async function run<T>(main: Coro<T>, options: RunOptions = {}): Promise<T> {
  checkCoro('main', main)
  const runner = new Runner(options)
  try {
    const { name, signal, drain } = options
    return await runner.run(main, { name, signal, drain })
  } finally {
    await runner.close()
  }
}
