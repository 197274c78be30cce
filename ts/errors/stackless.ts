// Errors without a stack. To capture one costs ten times as much as the rest of an error.

/** What `make` gives; the errors that it makes have a stack without frames. */
export function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit
  // Not by assignment: where a program froze Error that would throw, and errors just have stacks.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', limit)
  }
}
