// The descriptors that this process has open, where the system shows them.

import { existsSync, readdirSync, readlinkSync } from 'node:fs'

const DIRECTORY = '/proc/self/fd'

/** Whether descriptors can be counted here: on Linux. */
export const canCountDescriptors = existsSync(DIRECTORY)

/** How many sockets this process has open. */
export function countSockets(): number {
  let count = 0
  for (const name of readdirSync(DIRECTORY)) {
    try {
      if (readlinkSync(`${DIRECTORY}/${name}`).startsWith('socket:')) count++
    } catch {
      // The one that reads the directory is gone by now.
    }
  }
  return count
}
