// What makes errors that are thrown by the hundred thousand cheap: no stack, and a throw whose place
// V8 finds quickly.

/**
 * Errors made between this and `allowStacks` have a stack without frames. Gives what `allowStacks` takes.
 */
export function forbidStacks(): number {
  const limit = Error.stackTraceLimit
  setLimit(0)
  return limit
}

export function allowStacks(limit: number): void {
  setLimit(limit)
}

/** An assignment costs 2 ns; Reflect.set, which does not throw, 27. */
function setLimit(limit: number): void {
  try {
    Error.stackTraceLimit = limit
  } catch {
    // The program froze Error: errors just have stacks.
  }
}

/**
 * Throws `error`. For each throw V8 looks up where it is in the source. That is quick while the frame
 * on top is of a function that only throws, as V8 neither compiles nor inlines that; in an optimized
 * function into which others are inlined it takes 400 ns more.
 */
export function raise(error: unknown): never {
  throw error
}
