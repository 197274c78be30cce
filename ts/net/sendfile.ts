// EventLoop.sendfile: a file into a transport. The kernel does it where it can (sendfile(2), native
// backend, plain sockets); elsewhere a loop reads the file and writes it, piece by piece.
//
// Invariants: 1. From the call on until the end, nothing else is written to a socket's transport, so
//                the file goes out in one piece, behind what was written before the call.
//             2. Once a piece of the file may have gone out, cancelling drops the connection: nobody
//                could tell the peer where the file ends.
//             3. A file that was opened here is closed here.

import { fstatSync, type PathLike, read } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { checkFunction, checkInteger, checkObject, invalidType } from '../errors/arguments'
import { isCancelled, NotSupportedError, RuntimeError } from '../errors/errors'
import type { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { createOwnTask, wrap } from '../task/create'
import { copyFile, type Range, type Source } from './copy_file'
import { DESCRIPTOR_MAX } from './descriptors'
import type { Transport } from './protocol'
import { closing, SocketTransport } from './transport'

/** What the kernel says where it cannot send this file or to this socket, before anything was sent. */
const REFUSALS = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EOVERFLOW'])

/** A path, a FileHandle of node:fs/promises, or a descriptor. */
export type SendableFile = string | URL | FileHandle | number

export interface SendfileOptions {
  /** Whether a loop may copy the file where the kernel cannot send it. By default true. */
  fallback?: boolean | undefined
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Sends `count` bytes (by default all) of a regular file from `offset` on, behind what was written
     * before, and gives the number of bytes sent: fewer than `count` if the file is shorter. Until it
     * is done, writing to the transport throws RuntimeError (`ERR_SENDFILE_IN_PROGRESS`), and `close`
     * waits. Rejects with what broke the connection, with the file's error (EIO …, ENOENT of a path),
     * with RuntimeError for a transport that is closing and for what is no regular file, and with
     * NotSupportedError where only a loop could do it and `fallback` is false. Cancelling it drops the
     * connection, unless nothing of the file has been sent yet.
     */
    sendfile(
      transport: Transport,
      file: SendableFile,
      offset?: number,
      count?: number,
      options?: SendfileOptions,
    ): Future<number>
  }
}

EventLoop.prototype.sendfile = function sendfile(
  this: EventLoop,
  transport: Transport,
  file: SendableFile,
  offset = 0,
  count?: number,
  options: SendfileOptions = {},
): Future<number> {
  checkTransport(transport)
  checkFile(file)
  checkInteger('offset', offset, 0)
  if (count !== undefined) checkInteger('count', count, 1)
  checkObject('options', options)
  this._checkOpen()
  if (transport.isClosing()) throw closing()
  const mayCopy = options.fallback ?? true
  const range = { offset, count: count ?? Number.MAX_SAFE_INTEGER }
  if (!(transport instanceof SocketTransport)) {
    const steps = withSource(file, (source) => sendAnyhow(this, transport, source, range, mayCopy))
    return createOwnTask(this, steps, { name: 'sendfile' })
  }
  transport._beginFile()
  const steps = withSource(file, (source) => sendToSocket(this, transport, source, range, mayCopy))
  const task = createOwnTask(this, steps, { name: 'sendfile' })
  // Not only in the steps: a task that is cancelled before its first step runs none of them.
  task._onDone(() => transport._endFile())
  return task
}

function checkTransport(transport: unknown): void {
  if (typeof transport !== 'object' || transport === null) {
    throw invalidType('transport', 'a transport', transport)
  }
  const { write, isClosing } = transport as Transport
  checkFunction('transport.write', write)
  checkFunction('transport.isClosing', isClosing)
}

function checkFile(file: unknown): void {
  if (typeof file === 'string' || file instanceof URL) return
  if (typeof file === 'number') {
    checkInteger('file', file, 0, DESCRIPTOR_MAX)
    return
  }
  const { fd, read: readFrom } = (file ?? {}) as FileHandle
  if (typeof fd === 'number' && typeof readFrom === 'function') return
  throw invalidType('file', 'a path, a FileHandle or a descriptor', file)
}

const readDescriptor = promisify(read)

/** Opens the file if it is a path, sees that it is one of the regular kind, and has it sent. */
function* withSource(
  file: SendableFile,
  send: (source: Source) => Generator<Future<unknown>, number, unknown>,
): Generator<Future<unknown>, number, unknown> {
  if (typeof file === 'number') {
    checkRegular(file)
    const readFrom: Source['read'] = (into, bytes, position) => {
      return readDescriptor(file, into, 0, bytes, position)
    }
    return yield* send({ fd: file, read: readFrom })
  }
  const isOurs = typeof file === 'string' || file instanceof URL
  const handle = isOurs ? yield* openFile(file) : file
  try {
    checkRegular(handle.fd)
    const readFrom: Source['read'] = (into, bytes, position) => {
      return handle.read(into, 0, bytes, position)
    }
    return yield* send({ fd: handle.fd, read: readFrom })
  } finally {
    if (isOurs) yield* wrap(handle.close())
  }
}

function* openFile(path: PathLike): Generator<Future<unknown>, FileHandle, unknown> {
  const opening = open(path, 'r')
  try {
    return yield* wrap(opening)
  } catch (error) {
    // Cancelled: it may be opened still, and is nobody's then.
    opening.then(
      (handle) => handle.close(),
      () => {},
    )
    throw error
  }
}

/** Of a pipe or a terminal there is no knowing where it ends, and no offset. */
function checkRegular(fd: number): void {
  if (!fstatSync(fd).isFile()) {
    throw new RuntimeError('sendfile() sends regular files only', 'ERR_NOT_A_FILE')
  }
}

function* sendToSocket(
  loop: EventLoop,
  transport: SocketTransport,
  source: Source,
  range: Range,
  mayCopy: boolean,
): Generator<Future<unknown>, number, unknown> {
  try {
    const bytes = yield* sendByKernel(transport, source, range)
    if (bytes !== null) return bytes
    if (!mayCopy) throw kernelNeeded()
    const write = (piece: Buffer) => transport._writeFile(piece)
    return yield* copyFile(loop, transport, write, source, range)
  } finally {
    transport._endFile()
  }
}

/** The number of bytes sent, or null where the kernel cannot send this and has sent nothing. */
function* sendByKernel(
  transport: SocketTransport,
  source: Source,
  { offset, count }: Range,
): Generator<Future<unknown>, number | null, unknown> {
  const sending = transport._sendFile(source.fd, offset, count)
  if (sending === null) return null
  try {
    const { bytes, error } = yield* sending
    if (error === null) return bytes
    if (bytes === 0 && REFUSALS.has(error.code as string)) return null
    throw Object.assign(error, { bytesSent: bytes })
  } catch (error) {
    if (isCancelled(error)) transport.abort()
    throw error
  }
}

function* sendAnyhow(
  loop: EventLoop,
  transport: Transport,
  source: Source,
  range: Range,
  mayCopy: boolean,
): Generator<Future<unknown>, number, unknown> {
  if (!mayCopy) throw kernelNeeded()
  return yield* copyFile(loop, transport, (piece) => transport.write(piece), source, range)
}

function kernelNeeded(): NotSupportedError {
  const message = 'the kernel cannot send this file to this transport, and fallback is false'
  return new NotSupportedError(message)
}
