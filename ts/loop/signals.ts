// EventLoop.addSignalHandler and removeSignalHandler, after asyncio's Unix event loop (3.13).
//
// Node tells the main thread alone of signals, and only while somebody listens; a listener of Node's
// does not keep the process alive. A loop that runs and has a handler can still be woken by a signal,
// so it is kept alive here; the thread's own loop, which nobody waits for, is not.

import { isMainThread } from 'node:worker_threads'
import { checkFunction, invalidType } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import { checkSignal, type Signal } from '../errors/signals'
import type { ForeignHandle } from './foreign_handles'
import { type Handle, newHandle } from './handle'
import { EventLoop, Kind } from './loop'

declare module './loop' {
  interface EventLoop {
    /**
     * Calls `callback(...args)` in a turn of the loop whenever the process gets the signal ('SIGTERM',
     * or its number), instead of what the signal would do. A second handler for the same signal takes
     * the place of the first. Throws RuntimeError for SIGKILL and SIGSTOP, which cannot be caught, and
     * in a worker thread.
     */
    addSignalHandler<A extends unknown[]>(
      signal: NodeJS.Signals | number,
      callback: (...args: A) => unknown,
      ...args: A
    ): void
    /** Gives the signal its former effect back. Returns whether there was a handler. */
    removeSignalHandler(signal: NodeJS.Signals | number): boolean
  }
}

/** The longest interval of Node's: it never has anything to do. */
const FOR_EVER_MS = 2 ** 31 - 1

interface Listener {
  readonly handle: Handle
  readonly listen: () => void
}

/** The signal handlers of one loop. */
class SignalHandlers implements ForeignHandle {
  private readonly listeners = new Map<NodeJS.Signals, Listener>()
  private keepAlive: NodeJS.Timeout | null = null

  constructor(private readonly loop: EventLoop) {}

  has(name: NodeJS.Signals): boolean {
    return this.listeners.has(name)
  }

  set({ name }: Signal, handle: Handle): void {
    this.remove(name)
    const listen = () => this.loop.ring.push(Kind.HANDLE, handle)
    process.on(name, listen)
    this.listeners.set(name, { handle, listen })
    this.loop._foreign.add(this)
    this.loopChanged()
  }

  remove(name: NodeJS.Signals): boolean {
    const listener = this.listeners.get(name)
    if (listener === undefined) return false
    this.listeners.delete(name)
    process.removeListener(name, listener.listen)
    // A signal that came just now may stand in the ring.
    listener.handle.cancel()
    if (this.listeners.size === 0) {
      this.loop._foreign.delete(this)
      this.loopChanged()
    }
    return true
  }

  loopChanged(): void {
    const isWaiting = this.listeners.size > 0 && EventLoop._run === this.loop
    if (isWaiting) {
      this.keepAlive ??= setInterval(() => {}, FOR_EVER_MS)
    } else if (this.keepAlive !== null) {
      clearInterval(this.keepAlive)
      this.keepAlive = null
    }
  }

  loopClosed(): void {
    for (const name of [...this.listeners.keys()]) this.remove(name)
  }
}

const handlersByLoop = new WeakMap<EventLoop, SignalHandlers>()

/** Whether a loop has a handler of its own for a signal, which goes before any other meaning of it. */
export function hasSignalHandler(loop: EventLoop, name: NodeJS.Signals): boolean {
  return handlersByLoop.get(loop)?.has(name) ?? false
}

/** asyncio refuses these too: what they return would be dropped, and never run. */
function isCoroutineFunction(callback: object): boolean {
  return /^\[object (Async|Generator|AsyncGenerator)Function\]$/.test(
    Object.prototype.toString.call(callback),
  )
}

EventLoop.prototype.addSignalHandler = function addSignalHandler<A extends unknown[]>(
  this: EventLoop,
  signal: NodeJS.Signals | number,
  callback: (...args: A) => unknown,
  ...args: A
): void {
  this._checkOpen()
  const known = checkSignal('signal', signal)
  checkFunction('callback', callback)
  if (isCoroutineFunction(callback)) {
    const expected = 'a plain function, which may create a task'
    throw invalidType('callback', expected, callback)
  }
  if (!isMainThread) {
    const message = 'signals reach the main thread alone: add the handler there'
    throw new RuntimeError(message, 'ERR_SIGNAL_THREAD')
  }
  if (known.name === 'SIGKILL' || known.name === 'SIGSTOP') {
    throw new RuntimeError(`${known.name} cannot be caught`, 'ERR_SIGNAL_UNCATCHABLE')
  }
  let handlers = handlersByLoop.get(this)
  if (handlers === undefined) {
    handlers = new SignalHandlers(this)
    handlersByLoop.set(this, handlers)
  }
  const plain = callback as (...args: never[]) => unknown
  handlers.set(known, newHandle(this, plain, args, 'GyreSignalHandler'))
}

EventLoop.prototype.removeSignalHandler = function removeSignalHandler(signal): boolean {
  const { name } = checkSignal('signal', signal)
  return handlersByLoop.get(this)?.remove(name) ?? false
}
