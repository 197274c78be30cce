// Operations against states: each cell is what the operation does in that state, written as one word.

import { inspect } from 'node:util'
import { codeOf } from '../thrown.js'

/** What an operation did: its result, or the code (else the class) of what it threw. */
export function outcomeOf(act: () => unknown): string {
  try {
    return inspect(act(), { depth: 0 })
  } catch (error) {
    const code = codeOf(error)
    return typeof code === 'string' ? code : (error as Error).constructor.name
  }
}

/** The cells of one state: for each operation, what it does to a fresh subject. */
export function column<S>(
  make: () => S,
  operations: Readonly<Record<string, (subject: S) => unknown>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, act]) => {
      const subject = make()
      return [name, outcomeOf(() => act(subject))]
    }),
  )
}
