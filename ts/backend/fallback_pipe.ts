// Pipes of the fallback: what net.Socket and tty make of a descriptor.

import { closeSync, constants, openSync } from 'node:fs'
import net from 'node:net'
import tty from 'node:tty'
import { NotSupportedError } from '../errors/errors'
import { descriptorInUse, type PipeOptions } from './descriptor_contract'

/**
 * The socket over the descriptor. Throws NotSupportedError for what Node cannot do without waiting.
 */
export function socketOf({ fd, direction, closes }: PipeOptions): net.Socket {
  // Node closes what it is given, but for the three standard ones.
  const own = closes || fd <= 2 ? fd : reopen(fd, direction)
  try {
    return socketOver(own, direction)
  } catch (error) {
    if (own !== fd) closeSync(own)
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw descriptorInUse(fd)
    const message = `descriptor ${fd} is neither a pipe, nor a socket, nor a terminal`
    // Node finds the kind of such a descriptor invalid.
    if (!(error instanceof TypeError)) throw error
    throw new NotSupportedError(`${message}: the fallback cannot read or write it`)
  }
}

/** REQUIRES: Node may close the descriptor, unless it is a standard one. */
function socketOver(fd: number, direction: 'read' | 'write'): net.Socket {
  if (tty.isatty(fd)) return terminal(fd, direction)
  const readable = direction === 'read'
  return new net.Socket({ fd, readable, writable: !readable, allowHalfOpen: true })
}

/** libuv opens a terminal anew and closes only its own descriptor, so that ours is left. */
function terminal(fd: number, direction: 'read' | 'write'): net.Socket {
  const socket = direction === 'read' ? new tty.ReadStream(fd) : new tty.WriteStream(fd)
  if (fd > 2) socket.once('close', () => closeSync(fd))
  return socket
}

/** Another descriptor of the same thing, which Node may close. */
function reopen(fd: number, direction: 'read' | 'write'): number {
  const access = direction === 'read' ? constants.O_RDONLY : constants.O_WRONLY
  try {
    return openSync(`/dev/fd/${fd}`, access | constants.O_NONBLOCK)
  } catch (cause) {
    const message =
      `the fallback cannot share descriptor ${fd} with the object that has it: give it the ` +
      'number alone, and it is closed in the end'
    throw Object.assign(new NotSupportedError(message), { cause })
  }
}
