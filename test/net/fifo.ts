// A FIFO in a directory of its own, and descriptors of both of its ends: raw pipes, which Node has no
// call for.

import { execFileSync } from 'node:child_process'
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Coroutine } from 'gyre'

export interface Fifo {
  readonly path: string
  /** Non-blocking descriptors of the two ends. */
  readonly readEnd: number
  readonly writeEnd: number
  /** Closes a descriptor that is still the test's own, now or at the end. */
  close(fd: number): void
  /** The transport that was given the descriptor closes it. */
  handOver(fd: number): number
  /** Whether a descriptor still leads here: its number alone may be another file's by now. */
  isOpen(fd: number): boolean
}

/** Runs `body` with a FIFO, and removes it whatever comes of it. */
export function* withFifo(body: (fifo: Fifo) => Coroutine<void>): Coroutine<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gyre-fifo-'))
  const path = join(directory, 'fifo')
  execFileSync('mkfifo', [path])
  // In this order: a writer that opens without waiting wants a reader to be there.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const own = new Set([readEnd, writeEnd])
  const fifo: Fifo = {
    path,
    readEnd,
    writeEnd,
    close(fd) {
      if (own.delete(fd)) closeSync(fd)
    },
    handOver(fd) {
      own.delete(fd)
      return fd
    },
    isOpen(fd) {
      try {
        const [found, fifo] = [fstatSync(fd), statSync(path)]
        return found.ino === fifo.ino && found.dev === fifo.dev
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
        return false
      }
    },
  }
  try {
    yield* body(fifo)
  } finally {
    for (const fd of own) closeSync(fd)
    rmSync(directory, { recursive: true })
  }
}
