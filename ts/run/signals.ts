// What SIGINT and SIGTERM do to a run.
//
// SIGINT, after asyncio.Runner: the first cancels main, a second one ends the loop at once. SIGTERM is
// heard only where a soft shutdown was asked for, as asyncio leaves it alone: it begins the grace, and
// main is cancelled when that is over. While the grace goes on, SIGINT or another SIGTERM ends it.
//
// A signal for which the program has a listener of its own, or the loop a handler, is their affair.

import { isMainThread } from 'node:worker_threads'
import { CancelledError, KeyboardInterrupt, SystemExit } from '../errors/errors'
import type { EventLoop } from '../loop/loop'
import { hasSignalHandler } from '../loop/signals'
import type { Task } from '../task/task'
import type { Grace } from './grace'

/** 128 and the number of the signal, as shells report it. */
const SIGTERM_EXIT_CODE = 143

type Listener = () => void

export class Signals {
  private readonly installed = new Map<NodeJS.Signals, Listener>()
  /** The task that signals cancel; null while there is none, in the grace at the end. */
  private main: Task<unknown> | null = null
  /** SIGINT cancelled main. */
  private isInterrupted = false
  /** SIGTERM asked for the end. */
  private isTerminated = false
  /** The end of the grace that SIGTERM began cancelled main. */
  private isMainCancelled = false

  constructor(
    private readonly loop: EventLoop,
    private readonly grace: Grace | null,
    private readonly isWanted: boolean,
  ) {}

  /** Listens; `main` is what runs, null in the grace behind the last of these. */
  install(main: Task<unknown> | null): void {
    this.main = main
    this.isInterrupted = false
    if (!this.isWanted || !isMainThread) return
    this.listen('SIGINT', this.interrupt)
    if (this.grace !== null) this.listen('SIGTERM', this.terminate)
  }

  remove(): void {
    for (const [signal, listener] of this.installed) process.removeListener(signal, listener)
    this.installed.clear()
    this.main = null
  }

  /** What a main that ended with `error` says to the outside: a signal's cancellation is the signal. */
  translate(main: Task<unknown>, error: unknown): unknown {
    if (!(error instanceof CancelledError)) return error
    if (this.isTerminated) {
      const others = this.isMainCancelled ? main.uncancel() : main.cancelling()
      return others === 0 ? terminated() : error
    }
    return this.isInterrupted && main.uncancel() === 0 ? new KeyboardInterrupt() : error
  }

  private listen(signal: NodeJS.Signals, listener: Listener): void {
    if (process.listenerCount(signal) > 0) return
    this.installed.set(signal, listener)
    process.on(signal, listener)
  }

  private readonly interrupt = (): void => {
    // As in asyncio, a handler that main added takes the place of this one.
    if (hasSignalHandler(this.loop, 'SIGINT')) return
    if (this.grace?.isGoing()) {
      this.grace.end()
      return
    }
    if (this.isInterrupted || this.isTerminated || this.main === null || this.main.done()) {
      this.endAtOnce(new KeyboardInterrupt())
      return
    }
    this.isInterrupted = true
    this.main.cancel()
  }

  /** What SIGTERM does. REQUIRES: a grace was given. */
  readonly terminate = (): void => {
    if (hasSignalHandler(this.loop, 'SIGTERM')) return
    const grace = this.grace as Grace
    const isSecond = this.isTerminated
    this.isTerminated = true
    if (grace.isGoing()) {
      if (isSecond) grace.end()
      return
    }
    if (grace.hasBegun() || this.isInterrupted) {
      this.endAtOnce(terminated())
      return
    }
    grace.over._onDone(this.cancelMain)
    grace.begin()
  }

  private readonly cancelMain = (): void => {
    if (this.main?.cancel() === true) this.isMainCancelled = true
  }

  private endAtOnce(error: unknown): void {
    this.remove()
    this.loop._interrupt(error)
  }
}

function terminated(): SystemExit {
  return new SystemExit(SIGTERM_EXIT_CODE, 'terminated by SIGTERM')
}
