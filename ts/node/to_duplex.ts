// toDuplex: a connection of Gyre's as a stream of Node's.

import { TransportDuplex, type TransportDuplexOptions } from '../bridge/transport_duplex'
import { checkInteger, invalidType } from '../errors/arguments'
import { isFuture } from '../future/future'
import { isThenable } from '../future/thenable'
import type { Protocol, Transport } from '../net/protocol'
import type { StreamReader } from '../net/stream_reader'
import type { StreamWriter } from '../net/stream_writer'

/** A transport, a connection of `createConnection`, or reader and writer of `openConnection`. */
export type DuplexSource =
  | Transport
  | { readonly transport: Transport; readonly protocol: Protocol }
  | { readonly reader: StreamReader; readonly writer: StreamWriter }

/**
 * A stream that does what a net.Socket does, on a connection of Gyre's: backpressure in both
 * directions, half-closing, errors, timeouts, addresses. It takes the connection over: its protocol
 * is told of nothing any more, and what a reader had received and nobody read comes first.
 *
 * Of a connection that is still being made (`toDuplex(openConnection(…))`) it is 'connecting': it
 * takes writes, and emits 'connect' and 'ready', or the error. Destroying it then gives the
 * connection up.
 *
 * Throws TypeError for what is no connection, and RuntimeError (ERR_TRANSPORT_CLOSED) for one that
 * is closing.
 */
export function toDuplex(
  source: DuplexSource | PromiseLike<DuplexSource>,
  options: TransportDuplexOptions = {},
): TransportDuplex {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
  const { highWaterMark } = options
  if (highWaterMark !== undefined) checkInteger('options.highWaterMark', highWaterMark, 0)
  const duplex = new TransportDuplex(options)
  if (isThenable(source)) follow(duplex, source)
  else takeOver(duplex, source)
  return duplex
}

function takeOver(duplex: TransportDuplex, source: DuplexSource): void {
  if (typeof source !== 'object' || source === null) throw notAConnection(source)
  if ('writer' in source && 'reader' in source) {
    const { reader, writer } = source
    const transport = writer?.transport
    if (typeof transport?.setProtocol !== 'function') throw notAConnection(source)
    if (typeof reader?._hasEnded !== 'function') throw notAConnection(source)
    // Whoever waits for the writer to be closed still hears of it.
    const previous = transport.getProtocol()
    const hasEnded = reader._hasEnded()
    const received = hasEnded || !transport.isClosing() ? reader._takeReceived() : undefined
    duplex._attach(transport, { previous, received, hasEnded })
    return
  }
  const transport = 'transport' in source ? source.transport : source
  if (typeof transport?.setProtocol !== 'function') throw notAConnection(source)
  duplex._attach(transport)
}

/** Takes a connection over as soon as it is made. */
function follow(duplex: TransportDuplex, pending: PromiseLike<DuplexSource>): void {
  let isWanted = true
  duplex._beginConnecting(() => {
    isWanted = false
    if (isFuture(pending)) pending.cancel()
  })
  const made = (source: DuplexSource) => {
    if (!isWanted) {
      abandon(source)
      return
    }
    try {
      takeOver(duplex, source)
    } catch (error) {
      duplex._connectFailed(error as Error)
    }
  }
  const failed = (error: unknown) => {
    if (!isWanted) return
    duplex._connectFailed(error instanceof Error ? error : new Error(String(error)))
  }
  if (isFuture(pending)) {
    // In a turn, with no promise in between: nothing that comes in is missed.
    pending.addDoneCallback((future) => {
      if (future.cancelled()) failed(cancellationOf(future))
      else if (future.exception() !== null) failed(future.exception())
      else made(future.result() as DuplexSource)
    })
  } else {
    pending.then(made, failed)
  }
}

function cancellationOf(future: { result(): unknown }): unknown {
  try {
    return future.result()
  } catch (error) {
    return error
  }
}

/** A connection that came too late. */
function abandon(source: DuplexSource): void {
  if ('writer' in source) source.writer.transport.abort()
  else if ('transport' in source) source.transport.abort()
  else source.abort()
}

function notAConnection(source: unknown): TypeError {
  return invalidType('source', 'a transport, a connection, or { reader, writer }', source)
}
