// Task.getStack and printStack: where a task stands, or where its error came from.

import { inspect } from 'node:util'
import { checkFunction, checkInteger } from '../errors/arguments'
import { FutureState } from '../future/waiter'
import { whereIs } from './generator_location'

/** A task, as far as its stack concerns it. */
interface Standing {
  readonly _state: FutureState
  readonly _value: unknown
  _running(): unknown
}

/**
 * The frames of a task, the most recent last, as `name (file:line)`. A suspended coroutine has one
 * frame, its own (as in asyncio); a task that failed has those of its error; others have none.
 */
export function stackOf(task: Standing, limit: number | undefined): string[] {
  if (limit !== undefined) checkInteger('limit', limit, 0)
  const frames = framesOf(task)
  return limit === undefined ? frames : frames.slice(Math.max(0, frames.length - limit))
}

function framesOf(task: Standing): string[] {
  if (task._state === FutureState.PENDING) {
    const { name, place } = whereIs(task._running())
    return [place === null ? name : `${name} (${place})`]
  }
  const error = task._state === FutureState.EXCEPTION ? task._value : null
  if (!(error instanceof Error) || error.stack === undefined) return []
  return error.stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim().slice('at '.length))
    .reverse()
}

export function printStackOf(
  task: Standing,
  limit: number | undefined,
  stream: NodeJS.WritableStream,
): void {
  checkFunction('stream.write', (stream as { write?: unknown } | null)?.write)
  stream.write(stackText(task, limit))
}

function stackText(task: Standing, limit: number | undefined): string {
  const frames = stackOf(task, limit)
  const failed = task._state === FutureState.EXCEPTION
  if (frames.length === 0 && !failed) return `No stack for ${inspect(task)}\n`
  const lines = [`${failed ? 'Traceback' : 'Stack'} for ${inspect(task)} (most recent call last):`]
  for (const frame of frames) lines.push(`  ${frame}`)
  if (failed) lines.push(String(task._value))
  return `${lines.join('\n')}\n`
}
