// What a call throws, for tests that look at more than its class.

import assert from 'node:assert/strict'

/** Runs `act`, which must throw, and gives what it threw. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}

/** Waits for `promise`, which must be rejected, and gives what it was rejected with. */
export async function rejectionOf(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  return assert.fail('nothing was thrown')
}

/** The stable code of an error; undefined if it has none. */
export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code
}

/** The message of an error; undefined if it has none. */
export function messageOf(error: unknown): unknown {
  return (error as { message?: unknown } | null | undefined)?.message
}
