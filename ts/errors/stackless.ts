// Errors with few frames, or without a stack. To capture one costs ten times as much as the rest of an error.

/**
 * Errors made between this and `allowStacks` have a stack without frames. Gives what `allowStacks` takes.
 */
export function forbidStacks(): number {
  const limit = Error.stackTraceLimit
  limitStacks(0)
  return limit
}

export function allowStacks(limit: number): void {
  limitStacks(limit)
}

/**
 * Errors made from now on have so many frames. An assignment costs 2 ns; Reflect.set, which does not
 * throw, 27.
 */
export function limitStacks(limit: number): void {
  try {
    Error.stackTraceLimit = limit
  } catch {
    // The program froze Error: errors just have stacks.
  }
}
