// EventLoop: turns over the ready ring, timers, the states of a loop, and its exception handler.
//
// A turn runs the entries that stood in the ready ring when it began, no more (asyncio's rule). A
// visit is a series of turns; the backend starts visits and learns from their outcome what to do
// next. Higher layers add their methods to the class where they are defined (createFuture,
// createTask, createServer …), so this file knows nothing of futures, tasks and sockets.
//
// Invariants: 1. Turns never nest: visit() runs only from the backend, at the bottom of a stack.
//             2. `_visited` is the loop whose turn is on the stack, or null.
//             3. At most one loop of a thread is RUNNING; any number may be AMBIENT.

import { inspect } from 'node:util'
import type { Backend, BackendHost, BackendName } from '../backend/backend'
import { BackendKind, VISIT_BUDGET_MS, Visit } from '../backend/backend'
import { monotonicMs } from '../backend/clock'
import { Control, JS_KIND, ReadyRing, RUN_KIND } from '../backend/ready_ring'
import { createBackend } from '../backend/select'
import type { TimerTable, TimerTarget } from '../backend/timer_table'
import { checkCallback, checkDelay, checkObject, checkTime, invalidType } from '../errors/arguments'
import { EventLoopClosedError, endsLoop, RuntimeError } from '../errors/errors'
import type { Admission } from './admission'
import { CheckInterval } from './check_interval'
import { debugging } from './debugging'
import { ExceptionReporter, type Handler } from './exception_handler'
import { ForeignHandles } from './foreign_handles'
import {
  type Handle,
  type HandleOwner,
  keptArguments,
  NOTHING,
  newHandle,
  newTimerHandle,
  type Runnable,
  type TimerHandle,
} from './handle'
import { LinkedList } from './linked_list'
import { PromiseSteps } from './promise_steps'
import { Timers } from './timers'
import { warnIfSlow } from './warnings'

/** Kinds of ready entries made by TypeScript: one a class, so that each call stays monomorphic. */
export const Kind = {
  HANDLE: RUN_KIND,
  TASK: JS_KIND + 1,
  DONE_CALLBACK: JS_KIND + 2,
  /** Resolves a promise: its continuations are due before the next turn. */
  CONTINUATION: JS_KIND + 3,
  YIELD: JS_KIND + 4,
} as const

/** IDLE: not running. AMBIENT: the thread's own, always on. RUNNING: by runForever and the like. */
const State = { IDLE: 0, AMBIENT: 1, RUNNING: 2, CLOSING: 3, CLOSED: 4 } as const
type State = (typeof State)[keyof typeof State]

/** Hears of errors that nobody catches. */
export type ExceptionHandler = Handler<EventLoop>

export interface EventLoopOptions {
  /** Which backend to use; by default the native one where this platform has it. */
  backend?: BackendName
  /** 'virtual': time stands still while anything is ready, then jumps to the next timer. */
  clock?: 'monotonic' | 'virtual'
}

export class EventLoop extends ExceptionReporter<EventLoop> implements BackendHost, HandleOwner {
  /** @internal The loop whose turn is on the stack. */
  static _visited: EventLoop | null = null
  /** @internal The loop that runForever runs on this thread. */
  static _run: EventLoop | null = null
  /** @internal Called when a loop is closed; the layer of tasks reports what is left there. */
  static _onClose: (loop: EventLoop) => void = () => {}

  /** @internal */ readonly ring = new ReadyRing()
  /** @internal */ readonly _timers = new Timers()
  /** @internal */ readonly _backend: Backend
  /** @internal */ readonly _isVirtual: boolean
  /** @internal Made by getEventLoop, and so replaced by it when closed. */ _isDefault = false
  /** @internal Promises were resolved in this turn. */ _promisesDue = false
  /** @internal Done: for writers of streams that need not wait. */ _drained: unknown = null
  /** @internal Those not done, oldest first. */ readonly _tasks = new LinkedList()
  /** @internal What makes this loop's tasks instead of Task: see task/factory.ts. */
  _taskFactory: unknown = null
  /** @internal Which tasks may be made; null as long as nothing asks for it. */
  _admission: Admission | null = null
  /** @internal Called when the loop begins to drain. */ readonly _atDrain = new Set<() => void>()
  /** @internal Virtual clocks only: nothing can come. */ _onStuck: () => void = () => {}
  /** @internal Called when it is closed. */ readonly _atClose: (() => void)[] = []
  /** @internal */ readonly _foreign = new ForeignHandles()
  /** @internal Called when a run ends with `stop`, or by an error that ends the loop. */
  private settleRun: ((error: unknown) => void) | null = null
  private state: State = State.IDLE
  private stateBeforeRun: State = State.IDLE
  private stopping = false
  /** @internal The error that is about to end the run: nothing more is started in this turn. */
  _interruption: unknown = null
  private timersOverdue = false
  /** @internal */ _debug = false
  /** @internal */ readonly _promiseSteps = new PromiseSteps()
  /** @internal Turns that have begun. */ _turnCount = 0
  private readonly checkInterval = new CheckInterval()
  /** @internal For the backend. */ visitBeganMs = 0

  /** In debug mode, a callback or step that takes longer than this is reported. Milliseconds. */
  slowCallbackDuration = 100

  constructor(options: EventLoopOptions = {}) {
    super()
    checkObject('options', options)
    const { backend, clock = 'monotonic' } = options
    if (clock !== 'monotonic' && clock !== 'virtual') {
      throw invalidType('options.clock', "'monotonic' or 'virtual'", clock)
    }
    this.setDebug(process.env.GYRE_DEBUG !== undefined && process.env.GYRE_DEBUG !== '0')
    this._isVirtual = clock === 'virtual'
    this._backend = createBackend(this, backend, this._isVirtual)
    this._timers.connect(this._backend, this._isVirtual)
  }

  /** @internal For the backend. */
  get timers(): TimerTable {
    return this._timers.table
  }

  /** The loop's clock: milliseconds, monotonic, with fractions. */
  time(): number {
    return this._backend.time()
  }

  /** Runs `callback(...args)` in the next turn, in the order of the calls. */
  callSoon<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle {
    this._checkOpen()
    checkCallback('callback', callback)
    const handle = newHandle(this, callback, keptArguments(args), 'GyreHandle')
    this.ring.push(Kind.HANDLE, handle)
    return handle
  }

  /** Runs `callback(...args)` after `delayMs` milliseconds (0 or more), never earlier. */
  callLater<A extends unknown[]>(
    delayMs: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle {
    this._checkOpen()
    checkDelay('delayMs', delayMs)
    checkCallback('callback', callback)
    if (delayMs === 0) this._timersOverdue()
    return newTimerHandle(this, delayMs, true, callback, keptArguments(args))
  }

  /**
   * Runs `callback(...args)` when the loop's clock shows `whenMs`; a time in the past means soon.
   */
  callAt<A extends unknown[]>(
    whenMs: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle {
    this._checkOpen()
    checkTime('whenMs', whenMs)
    checkCallback('callback', callback)
    if (whenMs <= this.time()) this._timersOverdue()
    return newTimerHandle(this, whenMs, false, callback, keptArguments(args))
  }

  /** Runs until `stop` is called. Rejects with what ended the loop, if a KeyboardInterrupt did. */
  runForever(): Promise<void> {
    return new Promise((resolve, reject) => {
      this._start((error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** Ends `runForever` when the turn that is going on is finished. */
  stop(): void {
    this.stopping = true
    this.makeVisited()
  }

  /** Whether `runForever`, `runUntilComplete` or `run` is running this loop. */
  isRunning(): boolean {
    return this.state === State.RUNNING || EventLoop._visited === this
  }

  isClosed(): boolean {
    return this.state === State.CLOSED
  }

  /**
   * Closes the loop for good: drops what is scheduled, closes its sockets. Idempotent. Throws
   * RuntimeError while the loop runs.
   */
  close(): void {
    if (this.state >= State.CLOSING) return
    if (this.isRunning()) {
      throw new RuntimeError('Cannot close a running event loop', 'ERR_LOOP_RUNNING')
    }
    this.state = State.CLOSING
    EventLoop._onClose(this)
    this.state = State.CLOSED
    for (const closer of this._atClose.splice(0)) closer()
    this._foreign.loopClosed()
    this._backend.close()
    this.ring.clear()
  }

  setDebug(enabled: boolean): void {
    this._debug = Boolean(enabled)
    if (this._debug) debugging.isOn = true
  }

  getDebug(): boolean {
    return this._debug
  }

  /** Figures of the loop since it was made. */
  metrics(): { turns: number; ready: number; timers: number } {
    return { turns: this._turnCount, ready: this.ring.size, timers: this._timers.armed }
  }

  [inspect.custom](): string {
    const { name } = this._backend
    const states = `running=${this.isRunning()} closed=${this.isClosed()} debug=${this._debug}`
    return `<EventLoop ${name} ${states}>`
  }

  /** @internal Begins a run; `settle` hears of its end: null, or the error that ended it. */
  _start(settle: (error: unknown) => void): void {
    if (this.state >= State.CLOSING) throw new EventLoopClosedError()
    if (this.isRunning()) {
      throw new RuntimeError('This event loop is already running', 'ERR_LOOP_RUNNING')
    }
    if (EventLoop._run !== null) {
      const message = 'Cannot run the event loop while another loop is running'
      throw new RuntimeError(message, 'ERR_LOOP_RUNNING')
    }
    this.settleRun = settle
    this.stateBeforeRun = this.state
    this.state = State.RUNNING
    EventLoop._run = this
    // Promise continuations may be due that stand behind the one that starts this run.
    this._promisesDue = true
    this._backend.setActive(true)
    this._foreign.loopChanged()
    if (this.stopping) this.ring.onWake()
  }

  /** @internal Lets the loop run by itself, as the thread's own; not if it runs or is closed. */
  _runAmbient(): void {
    if (this.state !== State.IDLE) return
    this.state = State.AMBIENT
    this._backend.setActive(true)
    this._foreign.loopChanged()
  }

  /** @internal Whether it is running, or runs by itself. */
  _isActive(): boolean {
    return this.state === State.RUNNING || this.state === State.AMBIENT
  }

  /** @internal */
  _checkOpen(): void {
    if (this.state === State.CLOSED) throw new EventLoopClosedError()
  }

  /** @internal A timer was armed for now or earlier: it is due in the next turn of this visit. */
  _timersOverdue(): void {
    this.timersOverdue = true
  }

  /**
   * @internal A callback threw. KeyboardInterrupt and SystemExit end the loop, others are reported.
   */
  _callbackFailed(error: unknown, message: string, details: object): void {
    if (endsLoop(error)) this._interrupt(error)
    else this.callExceptionHandler({ message, exception: error, ...details })
  }

  /** @internal Ends the run at once: what else is ready stays in the ring. */
  _interrupt(error: unknown): void {
    if (this._interruption === null) this._interruption = error
    this.makeVisited()
  }

  /** A run is ended in a visit; behind the microtasks of one, there is another if something is ready. */
  private makeVisited(): void {
    if (EventLoop._visited !== this && this._isActive()) this.ring.push(Kind.HANDLE, NOTHING)
  }

  /** @internal Takes an interruption back: the error goes another way. */
  _takeInterruption(error: unknown): void {
    if (this._interruption === error) this._interruption = null
  }

  /** @internal Runs turns; called by the backend. */
  visit(): Visit {
    if (!this._isActive()) return Visit.STOPPED
    const outer = EventLoop._visited
    EventLoop._visited = this
    this._timers.visitBegins()
    try {
      if (this._debug) this._promiseSteps.end(this.slowCallbackDuration)
      const visit = this.runTurns()
      if (this._debug && visit === Visit.PROMISES) {
        this._promiseSteps.begin(this.slowCallbackDuration)
      }
      return visit
    } finally {
      this._timers.visitEnds()
      EventLoop._visited = outer
    }
  }

  /** @internal For the backend. */
  wantsVisit(): boolean {
    return this.ring.size > 0 || this.timersOverdue || this._isVirtual
  }

  private runTurns(): Visit {
    const ring = this.ring
    let checkedMs = monotonicMs()
    this.visitBeganMs = checkedMs
    const endMs = checkedMs + VISIT_BUDGET_MS
    let unchecked = 0
    for (let turns = 1; ; turns++) {
      if (this.timersOverdue) this.pollTimers()
      if (ring.size === 0 && !this.stopping && this._interruption === null) {
        if (!this._isVirtual) return Visit.IDLE
        // What waits for a promise may be about to wait for a timer: the clock stands until it
        // does.
        if (turns > 1 || this._promisesDue) {
          this._promisesDue = false
          return Visit.PROMISES
        }
        this._timers.submit()
        if (!this._backend.advance() && !this.isStuck()) return Visit.IDLE
      }
      this.runTurn()
      if (this.stopping || this._interruption !== null) {
        this.endRun()
        return Visit.STOPPED
      }
      if (this._promisesDue) {
        this._promisesDue = false
        return Visit.PROMISES
      }
      if (++unchecked >= this.checkInterval.turns) {
        const nowMs = monotonicMs()
        this.checkInterval.adapt(unchecked, nowMs - checkedMs)
        unchecked = 0
        checkedMs = nowMs
        if (nowMs < endMs) {
          this._timers.submit()
          this._backend.poll()
          continue
        }
        if (ring.size > 0) return Visit.BUDGET
        return this._isVirtual ? Visit.PROMISES : Visit.IDLE
      }
    }
  }

  /** Virtual clocks: whether waiting is of no use, because nothing can come. */
  private isStuck(): boolean {
    if (this.state === State.RUNNING) this._onStuck()
    return this._interruption !== null
  }

  private pollTimers(): void {
    this.timersOverdue = false
    this._timers.submit()
    this._backend.poll()
  }

  /** Runs the entries that are ready now. */
  private runTurn(): void {
    const ring = this.ring
    const control = ring.control
    ring.reserve()
    this._turnCount++
    const isTimed = this._debug
    for (let left = ring.size; left > 0 && this._interruption === null; left--) {
      const startedMs = isTimed ? monotonicMs() : 0
      const head = control[Control.READY_HEAD]!
      const index = head & ring.mask
      const at = index << 2
      const words = ring.words
      const kindWord = words[at]!
      const item = ring.items[index] as Runnable
      let timer: TimerTarget | undefined
      control[Control.READY_HEAD] = head + 1
      switch (kindWord & 0xff) {
        case Kind.TASK:
          ring.items[index] = undefined
          item.run()
          break
        case Kind.YIELD:
          ring.items[index] = undefined
          item.run()
          break
        case Kind.HANDLE:
          ring.items[index] = undefined
          item.run()
          break
        case Kind.DONE_CALLBACK:
          ring.items[index] = undefined
          item.run()
          break
        case Kind.CONTINUATION:
          ring.items[index] = undefined
          item.run()
          break
        case BackendKind.TIMER:
          timer = this._timers.take(words[at + 1]!, kindWord >>> 8)
          timer?.timerFired()
          break
        default:
          this._backend.dispatch(
            kindWord & 0xff,
            kindWord >>> 8,
            words[at + 1]!,
            words[at + 2]!,
            words[at + 3]!,
          )
      }
      if (isTimed) warnIfSlow(timer ?? item, startedMs, this.slowCallbackDuration)
    }
  }

  /** The run is over: by stop(), or by an error that ends the loop. */
  private endRun(): void {
    const error = this._interruption
    this._interruption = null
    this.stopping = false
    const settle = this.settleRun
    this.settleRun = null
    if (settle === null) {
      // A loop that runs by itself has nobody to tell: the error is the process's.
      if (error !== null)
        process.nextTick(() => {
          throw error
        })
      return
    }
    EventLoop._run = null
    this.state = this.stateBeforeRun
    if (this.state === State.IDLE) this._backend.setActive(false)
    this._foreign.loopChanged()
    settle(error)
  }
}
