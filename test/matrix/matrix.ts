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

/** What an operation does at the call, and what its future comes to; 'pending' after `limitMs`. */
export async function futureOutcomeOf(act: () => unknown, limitMs?: number): Promise<string> {
  let made: unknown
  const atCall = outcomeOf(() => {
    made = act()
    return 'made'
  })
  if (atCall !== "'made'") return atCall
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<string>((resolve) => {
    if (limitMs !== undefined) timer = setTimeout(resolve, limitMs, 'pending')
  })
  try {
    return await Promise.race([tooLate, Promise.resolve(made as PromiseLike<unknown>).then(String)])
  } catch (error) {
    return `rejects ${String(codeOf(error))}`
  } finally {
    clearTimeout(timer)
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
