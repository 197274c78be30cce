// The descriptors that this process has open, where the system shows them.

import { existsSync, readdirSync, readlinkSync } from 'node:fs'

const DIRECTORY = '/proc/self/fd'

/** Whether descriptors can be counted here: on Linux. */
export const canCountDescriptors = existsSync(DIRECTORY)

/** The numbers of the descriptors that this process has open. */
export function openDescriptors(): number[] {
  return readdirSync(DIRECTORY).map(Number).filter(isOpen)
}

/** How many sockets this process has open. */
export function countSockets(): number {
  return openDescriptors().filter((fd) => nameOf(fd)?.startsWith('socket:')).length
}

function nameOf(fd: number): string | null {
  try {
    return readlinkSync(`${DIRECTORY}/${fd}`)
  } catch {
    return null
  }
}

/** The one that reads the directory is gone by now. */
function isOpen(fd: number): boolean {
  return nameOf(fd) !== null
}
