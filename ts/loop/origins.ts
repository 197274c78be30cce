// Where futures, tasks, handles and operations were made. Remembered in debug mode only, as a stack has
// to be captured for each (asyncio's source_traceback).

import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { frameOf, isOwnFrame, isProgramFrame } from '../errors/own_frames'

/** So many frames of the program are kept, asyncio's number. */
const FRAMES_MAX = 10
/** Gyre's own frames come first, and generators have two frames each. */
const FRAMES_CAPTURED = 3 * FRAMES_MAX

/** The stack; V8 makes a text of it only when somebody reads it. */
interface Captured {
  stack?: string
}

const origins = new WeakMap<object, Captured>()

/** Remembers that `thing` was made here. */
export function noteOrigin(thing: object): void {
  const limit = Error.stackTraceLimit
  const captured: Captured = {}
  Reflect.set(Error, 'stackTraceLimit', FRAMES_CAPTURED)
  try {
    Error.captureStackTrace(captured, noteOrigin)
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
  }
  origins.set(thing, captured)
}

/**
 * The program's frames where `thing` was made, the most recent first, each on a line of its own as in a
 * stack; null if they were not remembered.
 */
export function originOf(thing: object): string | null {
  const frames = framesOf(thing).filter(isProgramFrame).slice(0, FRAMES_MAX)
  return frames.length === 0 ? null : frames.map((frame) => `    at ${frame}`).join('\n')
}

/** For the context of an exception handler: where `thing` was made, if that is known. */
export function sourceOf(thing: object): { sourceTraceback?: string } {
  const origin = originOf(thing)
  return origin === null ? {} : { sourceTraceback: origin }
}

/** ` created at crawl.ts:12`, to be put behind what is printed; '' if it is not known. */
export function createdAt(thing: object): string {
  const place = originPlace(thing)
  return place === null ? '' : ` created at ${place}`
}

/** `crawl.ts:12`; null if it is not known. */
export function originPlace(thing: object): string | null {
  const frame = framesOf(thing).find(isProgramFrame)
  const parts = frame === undefined ? null : /\(?([^()\s]+):(\d+):\d+\)?$/.exec(frame)
  return parts === null ? null : `${shortPath(parts[1] as string)}:${parts[2]}`
}

/** The function of Gyre's that the program called, such as `Lock.acquire`. */
export function originCall(thing: object): string | null {
  const frames = framesOf(thing)
  const own = frames[frames.findIndex(isProgramFrame) - 1]
  if (own === undefined || !isOwnFrame(own)) return null
  return /^([\w$.]+) \(/.exec(own)?.[1] ?? null
}

function framesOf(thing: object): string[] {
  const stack = origins.get(thing)?.stack
  if (typeof stack !== 'string') return []
  return stack.split('\n').flatMap((line) => frameOf(line) ?? [])
}

/** A file relative to the working directory where it is inside; from a path or a file: URL. */
export function shortPath(file: string): string {
  const plain = file.startsWith('file:') ? fileURLToPath(file) : file
  const relative = path.relative(process.cwd(), plain)
  return relative.startsWith('..') || path.isAbsolute(relative) ? plain : relative
}
