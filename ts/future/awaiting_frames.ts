// The awaiting side of errors that cross tasks. An error's stack ends where its task began; whoever
// waits for that task stands on no stack at that moment. So when an error is thrown into who waits, the
// frames of the waiting code are added to its stack, as V8 itself does within async functions:
// `at async name (file:line:column)`.
//
// Nothing is captured before something fails. The error stays the same object, with the same message.
//
// Invariants: 1. A place is added to an error once, however often it is thrown there.
//             2. At most SECTIONS_MAX places are added to an error.
//             3. At most PLACES_PER_SECOND are added to all errors in a second: to format a stack costs
//                ten times what it costs to throw.

import { performance } from 'node:perf_hooks'
import { isCancelled } from '../errors/errors'
import { frameOf, isProgramFrame } from '../errors/own_frames'

/** An error that a thousand tasks wait for has a stack that can still be read. */
const SECTIONS_MAX = 8

/** So many frames reach from Gyre's own, through two coroutines, to the task. */
const FRAMES_NEAR = 9

/** A program that fails by the thousand is not made slower; one that fails now and then is told all. */
const PLACES_PER_SECOND = 100

/** What is left of this second's places. */
const allowance = { untilMs: 0, left: 0 }

function takeAllowance(): boolean {
  const nowMs = performance.now()
  if (nowMs >= allowance.untilMs) {
    allowance.untilMs = nowMs + 1000
    allowance.left = PLACES_PER_SECOND
  }
  return allowance.left-- > 0
}

interface Captured {
  frames: string[]
  /** The stack was not cut short. */
  isWhole: boolean
}

/** How many places were added to an error. */
const sections = new WeakMap<Error, number>()

/** Where a task's step begins: what stands below has called the loop, and waits for nothing. */
const STEP_BEGINS = /\b(Task\._step|Gathering\.stepGenerator|OperationSteps\.advance)\b/

/** Adds the frames of the code that is running, which gets `error` thrown, to its stack. */
export function addAwaitingFrames(error: unknown): void {
  if (!mayHaveFrames(error)) return
  const count = sections.get(error) ?? 0
  if (count === SECTIONS_MAX || !takeAllowance()) return
  try {
    const { stack } = error
    if (typeof stack !== 'string' || stack === '') return
    const frames = capture()
    if (frames === '' || stack.includes(frames)) return
    error.stack = `${stack}\n${frames}`
    sections.set(error, count + 1)
  } catch {
    // A frozen error, or one with a stack of its own making, stays as it is.
  }
}

/** A cancellation is no failure, and has no stack; what is no Error has no place for frames. */
function mayHaveFrames(error: unknown): error is Error {
  return error instanceof Error && !isCancelled(error)
}

/** Who waits is mostly near, and every frame costs: the far ones are asked for where they are missed. */
function capture(): string {
  const limit = Error.stackTraceLimit
  if (typeof limit !== 'number' || limit <= 0) return ''
  const near = captureFrames(FRAMES_NEAR)
  // Every second frame is that of one generator that resumes the next.
  const frames = near.isWhole ? near.frames : captureFrames(2 * limit + FRAMES_NEAR).frames
  return frames.slice(0, limit).join('\n')
}

function captureFrames(count: number): Captured {
  const limit = Error.stackTraceLimit
  const holder: { stack?: string } = {}
  Error.stackTraceLimit = count
  try {
    Error.captureStackTrace(holder, addAwaitingFrames)
  } finally {
    Error.stackTraceLimit = limit
  }
  return awaitingFrames(String(holder.stack).split('\n'), count)
}

function awaitingFrames(lines: readonly string[], count: number): Captured {
  const frames: string[] = []
  for (const line of lines) {
    const frame = frameOf(line)
    if (frame === null) continue
    if (STEP_BEGINS.test(frame)) return { frames, isWhole: true }
    if (isProgramFrame(frame)) frames.push(`    at async ${frame}`)
  }
  // The first line is no frame.
  return { frames, isWhole: lines.length <= count }
}

/**
 * A promise that is rejected with `error`, which has the frames of the async functions that wait. V8
 * finds these from inside a promise's reaction only, going from promise to promise: so what waits must be
 * attached to the promise returned here, at once.
 */
export function rejectAwaiting(error: unknown): Promise<never> {
  if (!mayHaveFrames(error)) return Promise.reject(error)
  return Promise.resolve().then(() => {
    addAwaitingFrames(error)
    throw error
  })
}
