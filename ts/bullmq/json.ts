// What goes through Redis is JSON. JSON.stringify drops or changes what it does not know (functions, Maps,
// Dates, NaN) without a word; here it is an error that says where it stands.

import { NotSendableError } from '../errors/executor_errors'

/** Throws NotSendableError for what JSON would lose. `path` names the value: 'argument 1', 'the result'. */
export function checkJson(value: unknown, path: string, above: readonly object[] = []): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      if (Number.isFinite(value)) return
      refuse(path, String(value))
  }
  if (value === null || (value === undefined && above.length === 0)) return
  if (value === undefined) refuse(path, 'undefined')
  if (typeof value !== 'object') refuse(path, `a ${typeof value}`)
  if (above.includes(value as object)) refuse(path, 'a circle')
  const inside = [...above, value as object]
  if (Array.isArray(value)) {
    // Not by forEach, which passes over holes; JSON has null for them.
    for (const [index, item] of value.entries()) checkJson(item, `${path}[${index}]`, inside)
    return
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) {
    refuse(path, `an instance of ${prototype.constructor?.name ?? 'a class'}`)
  }
  for (const [key, item] of Object.entries(value as object)) {
    // A property that is undefined and one that is missing are the same in JSON.
    if (item !== undefined) checkJson(item, `${path}.${key}`, inside)
  }
}

function refuse(path: string, what: string): never {
  throw new NotSendableError(`${path} cannot be sent as JSON: it is ${what}`)
}

/** For errors: whether a property can be sent. */
export function isJson(value: unknown): boolean {
  try {
    checkJson(value, 'it')
    return true
  } catch {
    return false
  }
}
