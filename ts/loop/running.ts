// Which loop is running, and which one belongs to this thread.
//
// Inside a turn it is the loop whose turn it is. In the continuation of an async function it is the
// loop of the task that the function belongs to. Elsewhere (a node:http handler, say) it is the
// loop that `run` or `runForever` is running, and outside of those the thread's own loop.

import { invalidType } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import { taskStore } from './context'
import { EventLoop, type EventLoopOptions } from './loop'

let threadLoop: EventLoop | null = null

function runningLoop(): EventLoop | null {
  return EventLoop._visited ?? loopOfAsyncTask() ?? EventLoop._run
}

function loopOfAsyncTask(): EventLoop | null {
  const loop = taskStore.getStore()?._loop
  return loop instanceof EventLoop && !loop.isClosed() ? loop : null
}

/** Throws TypeError for what is not a loop. */
export function checkEventLoop(name: string, value: unknown): asserts value is EventLoop {
  if (!(value instanceof EventLoop)) throw invalidType(name, 'an EventLoop', value)
}

/** The loop that is running. Throws RuntimeError where none is. */
export function getRunningLoop(): EventLoop {
  const loop = runningLoop()
  if (loop === null) {
    throw new RuntimeError('no running event loop', 'ERR_NO_RUNNING_LOOP')
  }
  return loop
}

/**
 * The running loop, or else the loop of this thread: the one given to `setEventLoop`, or a default
 * loop that is made at the first call and runs by itself as long as it has something to do.
 */
export function getEventLoop(): EventLoop {
  const running = runningLoop()
  if (running !== null) return running
  if (threadLoop === null || (threadLoop.isClosed() && threadLoop._isDefault)) {
    threadLoop = new EventLoop()
    threadLoop._isDefault = true
    threadLoop._runAmbient()
  }
  return threadLoop
}

/** @internal Whether the code that runs now is on `loop`, so that a task may take a step inside it. */
export function isRunningHere(loop: EventLoop): boolean {
  return (runningLoop() ?? threadLoop) === loop && loop._isActive()
}

/** Makes `loop` the loop of this thread; null goes back to a default loop, made when needed. */
export function setEventLoop(loop: EventLoop | null): void {
  if (loop !== null && !(loop instanceof EventLoop)) {
    throw invalidType('loop', 'an EventLoop or null', loop)
  }
  threadLoop = loop
}

/** Makes a loop that runs when it is told to: by `runForever`, `runUntilComplete` or a Runner. */
export function newEventLoop(options: EventLoopOptions = {}): EventLoop {
  return new EventLoop(options)
}

/**
 * @internal The loop on which a new task, future or timer belongs; the thread's own is set going.
 */
export function schedulingLoop(): EventLoop {
  const running = runningLoop()
  if (running !== null) return running
  const loop = getEventLoop()
  loop._runAmbient()
  return loop
}
