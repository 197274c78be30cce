// A module for `gyre worker`.

import { sleep } from 'gyre'

export function triple(x: number): number {
  return 3 * x
}

export function* later(ms: number) {
  yield* sleep(ms)
  return 'later'
}

export const notAJob = 5
