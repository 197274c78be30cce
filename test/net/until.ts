// Waiting for what the system brings in its own time.

import { type Coroutine, sleep } from 'gyre'

/** Waits until `condition` holds, looking at it often. */
export function* until(condition: () => boolean): Coroutine<void> {
  while (!condition()) yield* sleep(1)
}
