// EventLoop.connectReadPipe and connectWritePipe: pipes, FIFOs, terminals and sockets that others
// opened, with a protocol; and the same with a reader or a writer.

import { fstatSync } from 'node:fs'
import type { StreamHandle } from '../backend/backend'
import { checkFunction, outOfRange } from '../errors/arguments'
import type { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { createOpening } from '../task/opening'
import type { ProtocolFactory } from './connection'
import { type Descriptor, descriptorNumber } from './descriptors'
import {
  ReadPipeTransport,
  type ReadTransport,
  WritePipeTransport,
  type WriteTransport,
} from './pipe_transport'
import { checkProtocol, type Protocol } from './protocol'
import type { StreamReader } from './stream_reader'
import type { StreamWriter } from './stream_writer'
import { type StreamOptions, StreamProtocol } from './streams'

/** The standard descriptors stay open: nothing good comes of another file that gets their number. */
const STANDARD_DESCRIPTOR_MAX = 2

/** `{ transport, protocol }`, which can also be taken apart as `[transport, protocol]`. */
export type PipeConnection<T, P extends Protocol> = readonly [transport: T, protocol: P] & {
  readonly transport: T
  readonly protocol: P
}

/** `{ reader, transport }`, which can also be taken apart as `[reader, transport]`. */
export type ReadPipe = readonly [reader: StreamReader, transport: ReadTransport] & {
  readonly reader: StreamReader
  readonly transport: ReadTransport
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Reads from a pipe, a FIFO, a terminal or a socket that others opened, after asyncio's
     * connect_read_pipe (3.13). The descriptor belongs to the transport from then on: it does not
     * block, and is closed in the end; an object, by its own `close` or `destroy`. 0, 1 and 2 stay
     * open. Rejects with the system's error, RangeError for a regular file.
     */
    connectReadPipe<P extends Protocol>(
      factory: ProtocolFactory<P>,
      pipe: Descriptor,
    ): Future<PipeConnection<ReadTransport, P>>
    /**
     * The same for writing. When nobody reads any more, connectionLost comes, with EPIPE if
     * something was left to write (on the fallback: with the next write).
     */
    connectWritePipe<P extends Protocol>(
      factory: ProtocolFactory<P>,
      pipe: Descriptor,
    ): Future<PipeConnection<WriteTransport, P>>
  }
}

EventLoop.prototype.connectReadPipe = function connectReadPipe<P extends Protocol>(
  this: EventLoop,
  factory: ProtocolFactory<P>,
  pipe: Descriptor,
): Future<PipeConnection<ReadTransport, P>> {
  return connectPipe<ReadTransport, P>(this, 'read', factory, pipe)
}

EventLoop.prototype.connectWritePipe = function connectWritePipe<P extends Protocol>(
  this: EventLoop,
  factory: ProtocolFactory<P>,
  pipe: Descriptor,
): Future<PipeConnection<WriteTransport, P>> {
  return connectPipe<WriteTransport, P>(this, 'write', factory, pipe)
}

type Direction = 'read' | 'write'

function connectPipe<T extends ReadTransport | WriteTransport, P extends Protocol>(
  loop: EventLoop,
  direction: Direction,
  factory: ProtocolFactory<P>,
  pipe: Descriptor,
): Future<PipeConnection<T, P>> {
  checkFunction('factory', factory)
  const fd = descriptorNumber('pipe', pipe)
  loop._checkOpen()
  const steps = connectSteps<T, P>(loop, direction, factory, pipe, fd)
  return createOpening(loop, steps, `${direction} pipe ${fd}`, ({ transport }) => transport.abort())
}

/** All in one step: whoever is cancelled has opened nothing yet, or has it. */
function* connectSteps<T, P extends Protocol>(
  loop: EventLoop,
  direction: Direction,
  factory: ProtocolFactory<P>,
  pipe: Descriptor,
  fd: number,
): Generator<Future<unknown>, PipeConnection<T, P>, unknown> {
  const protocol = factory()
  checkProtocol('factory()', protocol)
  checkKind(fd)
  const Transport = direction === 'read' ? ReadPipeTransport : WritePipeTransport
  const transport = new Transport(loop, protocol, pipe, {
    _lost: () => closeObject(loop, pipe, fd),
  })
  const closes = typeof pipe === 'number' && fd > STANDARD_DESCRIPTOR_MAX
  const handle: StreamHandle = loop._backend.openPipe({ fd, direction, closes }, transport)
  transport._attach(handle)
  transport._begin()
  const connection = [transport, protocol] as const
  return Object.assign(connection, { transport, protocol }) as unknown as PipeConnection<T, P>
}

/** A regular file is always ready, and so cannot be waited for; asyncio refuses it too. */
function checkKind(fd: number): void {
  const stats = fstatSync(fd)
  if (stats.isFIFO() || stats.isSocket() || stats.isCharacterDevice()) return
  throw outOfRange('pipe', 'the descriptor of a pipe, a socket or a character device', fd)
}

/** An object that has the descriptor closes it, as only it knows how. */
function closeObject(loop: EventLoop, pipe: Descriptor, fd: number): void {
  if (typeof pipe === 'number' || fd <= STANDARD_DESCRIPTOR_MAX) return
  const { close, destroy } = pipe as { close?: unknown; destroy?: unknown }
  const closer = typeof destroy === 'function' ? destroy : close
  if (typeof closer !== 'function') return
  const closing = async () => closer.call(pipe)
  closing().catch((exception: unknown) => {
    loop.callExceptionHandler({ message: 'closing a pipe failed', exception, pipe })
  })
}

/**
 * A StreamReader of a pipe, a FIFO, a terminal or a socket: see EventLoop.connectReadPipe.
 */
export function openReadPipe(pipe: Descriptor, options: StreamOptions = {}): Future<ReadPipe> {
  const loop = schedulingLoop()
  const make = () => new StreamProtocol(loop, options, null)
  // Made once now, so that a bad limit is an error at once.
  make()
  const steps = function* (fd: number) {
    const { transport, protocol } = yield* connectSteps<ReadTransport, StreamProtocol>(
      loop,
      'read',
      make,
      pipe,
      fd,
    )
    const { reader } = protocol
    return Object.assign([reader, transport] as const, { reader, transport })
  }
  return startOpening(loop, pipe, steps, ({ transport }) => transport.abort())
}

/** A StreamWriter of a pipe, a FIFO, a terminal or a socket: see EventLoop.connectWritePipe. */
export function openWritePipe(pipe: Descriptor): Future<StreamWriter> {
  const loop = schedulingLoop()
  const make = () => new StreamProtocol(loop, {}, null)
  const steps = function* (fd: number) {
    const { transport, protocol } = yield* connectSteps<WritePipeTransport, StreamProtocol>(
      loop,
      'write',
      make,
      pipe,
      fd,
    )
    return protocol.pairOn(transport).writer
  }
  return startOpening(loop, pipe, steps, (writer) => writer.transport.abort())
}

function startOpening<T>(
  loop: EventLoop,
  pipe: Descriptor,
  steps: (fd: number) => Generator<Future<unknown>, T, unknown>,
  discard: (opened: T) => void,
): Future<T> {
  const fd = descriptorNumber('pipe', pipe)
  return createOpening(loop, steps(fd), `open pipe ${fd}`, discard)
}
