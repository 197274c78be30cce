// How values of the program's stand in messages. What they do when they are looked at is theirs: an
// inspect of their own, a getter or a proxy may throw. Who says what went wrong must not fail by that.

import { type InspectOptions, inspect } from 'node:util'

/** `inspect`, which never throws. */
export function printed(value: unknown, options: InspectOptions = {}): string {
  try {
    return inspect(value, options)
  } catch {
    return `<${typeof value} that cannot be printed>`
  }
}

/** The name of a function; `nameless` if it has none, or has something else there. */
export function functionName(fn: object, nameless = '<anonymous>'): string {
  const { name } = fn as { readonly name?: unknown }
  return typeof name === 'string' && name !== '' ? name : nameless
}
