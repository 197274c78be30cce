// The file of a Unix socket: it outlives its server unless somebody removes it, and then nobody can
// listen at its path.
//
// A file that is left over is removed before listening, but only if nobody answers there; and a server
// removes its own file when it is closed, but only if it still is its own.

import { lstatSync, unlinkSync } from 'node:fs'
import type { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { connectPath } from './connection'

interface Identity {
  device: number
  inode: number
}

/** Which socket lies at `path`; null for none, or something else. */
function socketAt(path: string): Identity | null {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found?.isSocket() ? { device: found.dev, inode: found.ino } : null
}

function isSame(one: Identity, other: Identity | null): boolean {
  return one.device === other?.device && one.inode === other.inode
}

/** Whether `path` names a file at all, and not an abstract name or a pipe of Windows. */
function isFile(path: string): boolean {
  return process.platform !== 'win32' && !path.startsWith('\0')
}

/**
 * Removes what a server left at `path` that is no more. Does nothing where somebody listens (he sees a
 * connection that ends at once), and where something lies that is no socket: listening then says
 * EADDRINUSE.
 */
export function* removeStale(
  loop: EventLoop,
  path: string,
): Generator<Future<unknown>, void, unknown> {
  if (!isFile(path)) return
  const found = socketAt(path)
  if (found === null) return
  try {
    const transport = yield* connectPath(loop, path)
    transport.abort()
    return
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
      if (isCodeOfSystem(error)) return
      throw error
    }
  }
  // Somebody else may have put his own there meanwhile.
  if (isSame(found, socketAt(path))) unlinkSync(path)
}

/** Whether the system said it, about the path: listening will say it too, and better. */
function isCodeOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

/** The file that a server made by listening. */
export class SocketFile {
  private readonly identity: Identity | null

  /** REQUIRES: the server listens at `path`. */
  constructor(private readonly path: string) {
    this.identity = isFile(path) ? socketAt(path) : null
  }

  /** Removes the file if it still is the one that was made. Harmless when it has gone. */
  remove(): void {
    const { identity, path } = this
    if (identity === null || !isSame(identity, socketAt(path))) return
    unlinkSync(path)
  }
}
