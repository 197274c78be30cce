// fromDuplex: a stream of Node's as a connection of Gyre's.

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { DuplexStream } from '../backend/duplex_stream'
import { invalidType } from '../errors/arguments'
import { RuntimeError } from '../errors/errors'
import type { ForeignHandle } from '../loop/foreign_handles'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import type { Connection, ProtocolFactory } from '../net/connection'
import { checkProtocol, type Protocol } from '../net/protocol'
import { type StreamOptions, type StreamPair, StreamProtocol } from '../net/streams'
import { SocketTransport } from '../net/transport'

/**
 * Reads from and writes to a stream of Node's (a net.Socket, a TLSSocket, a pipe) as `openConnection`
 * would: gives reader and writer. With a factory it gives a transport and a protocol, as
 * `createConnection` does; `connectionMade` comes in the next turn.
 *
 * The stream must be given away: nobody else may read from it, write to it, or close it, and it ends
 * with the loop that runs (`run` closes its loop at the end). If somebody
 * does close it before its end, the connection is lost with ERR_STREAM_PREMATURE_CLOSE. Throws
 * TypeError for what is no stream of bytes, and RuntimeError (ERR_TRANSPORT_CLOSED) for one that has
 * ended.
 */
export function fromDuplex(stream: Duplex, options?: StreamOptions): StreamPair
export function fromDuplex<P extends Protocol>(
  stream: Duplex,
  factory: ProtocolFactory<P>,
): Connection<P>
export function fromDuplex(
  stream: Duplex,
  second: StreamOptions | ProtocolFactory<Protocol> = {},
): StreamPair | Connection<Protocol> {
  checkStream(stream)
  const loop = schedulingLoop()
  if (typeof second === 'function') {
    const protocol = second()
    const transport = transportOn(loop, stream, protocol)
    loop.callSoon(() => transport._begin())
    return Object.assign([transport, protocol] as const, { transport, protocol })
  }
  if (typeof second !== 'object' || second === null) {
    throw invalidType('options', 'an object or a protocol factory', second)
  }
  const protocol = new StreamProtocol(loop, second, null)
  const transport = transportOn(loop, stream, protocol)
  transport._begin()
  return protocol.pairOn(transport)
}

/** A stream that was given to a loop, and so ends with it. */
class ForeignStream extends DuplexStream implements ForeignHandle {
  constructor(
    private readonly loop: EventLoop,
    stream: Duplex,
  ) {
    super(loop.ring, stream)
    loop._foreign.add(this)
  }

  /** @internal A socket of Node's keeps the process alive while the loop runs, which may read it. */
  loopChanged(): void {
    const { ref, unref } = this.stream as Partial<Pick<Socket, 'ref' | 'unref'>>
    const hold = this.loop._isActive() ? ref : unref
    hold?.call(this.stream)
  }

  /** @internal */
  loopClosed(): void {
    this.destroy()
  }

  protected override closed(): void {
    this.loop._foreign.delete(this)
    super.closed()
  }
}

function transportOn(loop: EventLoop, stream: Duplex, protocol: Protocol): SocketTransport {
  checkProtocol('factory()', protocol)
  const transport = new SocketTransport(loop, protocol)
  const handle = new ForeignStream(loop, stream)
  handle.attach(transport)
  transport._attach(handle)
  return transport
}

function checkStream(stream: Duplex): void {
  if (!(stream instanceof Duplex)) throw invalidType('stream', 'a Duplex of Node’s', stream)
  if (stream.readableObjectMode || stream.writableObjectMode) {
    throw invalidType('stream', 'a stream of bytes, not of objects', stream)
  }
  if (stream.readableEncoding !== null) {
    throw invalidType('stream', 'a stream of bytes, without an encoding', stream)
  }
  if (stream.destroyed || stream.readableEnded || stream.writableEnded) {
    throw new RuntimeError('the stream has ended', 'ERR_TRANSPORT_CLOSED')
  }
}
