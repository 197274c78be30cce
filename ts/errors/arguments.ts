// Checks of what users pass in. Each throws Node's own kind of error at once, with Node's codes
// (ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE), saying what was wrong and what was expected.

import { functionName, printed } from './printing'

/** A TypeError in Node's form: `The "name" argument must be <expected>. Received <value>`. */
export function invalidType(name: string, expected: string, actual: unknown): TypeError {
  const error = new TypeError(
    `The "${name}" argument must be ${expected}. Received ${brief(actual)}`,
  )
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}

/** A RangeError in Node's form. */
export function outOfRange(name: string, expected: string, actual: unknown): RangeError {
  const received = brief(actual)
  const text = `The value of "${name}" is out of range. It must be ${expected}. Received ${received}`
  return Object.assign(new RangeError(text), { code: 'ERR_OUT_OF_RANGE' })
}

/** How a wrong value is shown: its kind, and enough of it to recognise it. */
export function brief(value: unknown): string {
  if (typeof value === 'function') return `function ${functionName(value, '(anonymous)')}`
  const text = printed(value, { depth: 0, maxStringLength: 40, breakLength: Infinity })
  const short = text.length > 80 ? `${text.slice(0, 77)}...` : text
  return value === null || value === undefined ? short : `type ${typeof value} (${short})`
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw invalidType(name, 'a function', value)
}

/** A callback: a function, but no generator function, of whose body a plain call would run nothing. */
export function checkCallback(name: string, value: unknown): void {
  checkFunction(name, value)
  if ((value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'GeneratorFunction') {
    throw invalidType(name, 'a plain function, which may create a task', value)
  }
}

/** Options, or what else has to be an object. */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) throw invalidType(name, 'an object', value)
}

/** A switch that may be left out. */
export function checkSwitch(name: string, value: unknown): asserts value is boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') throw invalidType(name, 'a boolean', value)
}

/** A span of time in milliseconds: a number that is not NaN. Negative and infinite ones pass. */
export function checkMilliseconds(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'a number of milliseconds', value)
  if (Number.isNaN(value)) throw outOfRange(name, 'a number of milliseconds, not NaN', value)
}

/** A delay for a timer: zero or more milliseconds, finite. */
export function checkDelay(name: string, value: unknown): asserts value is number {
  checkMilliseconds(name, value)
  if (value < 0 || value === Infinity) {
    throw outOfRange(name, 'a finite number of milliseconds, 0 or more', value)
  }
}

/** A point in time on the loop's clock: finite. */
export function checkTime(name: string, value: unknown): asserts value is number {
  checkMilliseconds(name, value)
  if (!Number.isFinite(value)) throw outOfRange(name, 'a finite time in milliseconds', value)
}

/** A whole number between two bounds, both included. */
export function checkInteger(
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value)
  if (!Number.isInteger(value) || value < min || value > max) {
    const bound = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `>= ${min} and <= ${max}`
    throw outOfRange(name, `a whole number ${bound}`, value)
  }
}

/** A TCP port, 0 to 65535. */
export function checkPort(name: string, value: unknown): asserts value is number {
  checkInteger(name, value, 0, 65535)
}
