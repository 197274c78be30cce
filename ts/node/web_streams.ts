// toWeb: reader and writer of a connection as streams of the web.
//
// Invariants: 1. Nothing is read before somebody asks for it, and a write is done when the writer
//                is drained: backpressure reaches the peer in both directions.
//             2. The connection is closed when both streams are over, however they ended.

import { ReadableStream, type ReadableStreamBYOBRequest, WritableStream } from 'node:stream/web'
import { invalidType } from '../errors/arguments'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { READER_LIMIT_BYTES, type StreamReader } from '../net/stream_reader'
import type { StreamWriter } from '../net/stream_writer'
import { endSending } from '../net/transport'
import { createOwnTask } from '../task/create'
import type { Task } from '../task/task'

/** What `toWeb` gives; the form that `pipeThrough` and `Duplex.fromWeb` take. */
export interface WebStreamPair {
  /** A stream of bytes, of which BYOB readers can be had. */
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<string | Uint8Array>
}

/**
 * Reader and writer as streams of the web. Closing `writable` ends the sending half, aborting it
 * or writing what fails drops the connection, cancelling `readable` stops reading.
 */
export function toWeb(pair: {
  readonly reader: StreamReader
  readonly writer: StreamWriter
}): WebStreamPair {
  const { reader, writer } = (pair ?? {}) as Partial<typeof pair>
  if (typeof reader?.feedData !== 'function' || typeof writer?.drain !== 'function') {
    throw invalidType('pair', '{ reader, writer }', pair)
  }
  const connection = new WebConnection(schedulingLoop(), reader, writer)
  return {
    readable: new ReadableStream(connection.source, { highWaterMark: 0 }),
    writable: new WritableStream(connection.sink),
  }
}

class WebConnection {
  private isReadOver = false
  private isWriteOver = false
  /** The read that is under way. */
  private reading: Task<Buffer> | null = null

  constructor(
    private readonly loop: EventLoop,
    private readonly reader: StreamReader,
    private readonly writer: StreamWriter,
  ) {}

  readonly source = {
    type: 'bytes' as const,
    pull: async (controller: {
      readonly byobRequest: ReadableStreamBYOBRequest | null | undefined
      enqueue(chunk: Uint8Array): void
      close(): void
    }): Promise<void> => {
      const request = controller.byobRequest ?? null
      const view = (request?.view ?? null) as Uint8Array | null
      const chunk = await this.read(view?.byteLength ?? READER_LIMIT_BYTES)
      if (chunk === null) return
      if (chunk.length === 0) {
        this.readOver()
        controller.close()
        request?.respond(0)
      } else if (view !== null) {
        new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(chunk)
        request?.respond(chunk.length)
      } else {
        // A copy in memory of its own: the stream gives the memory away, and the chunk may be part
        // of Node's pool.
        controller.enqueue(new Uint8Array(chunk))
      }
    },
    cancel: (): void => {
      this.reading?.cancel()
      if (!this.isReadOver) this.writer.transport.pauseReading()
      this.readOver()
    },
  }

  readonly sink = {
    write: async (chunk: string | Uint8Array): Promise<void> => {
      try {
        this.writer.write(chunk)
        await createOwnTask(this.loop, this.writer.drain())
      } catch (error) {
        // The stream has failed, and tells nobody: it is not aborted any more.
        this.sink.abort()
        throw error
      }
    },
    close: async (): Promise<void> => {
      endSending(this.writer.transport)
      this.writeOver()
      // What is unsent may still fail.
      if (this.isReadOver) await createOwnTask(this.loop, this.writer.waitClosed())
    },
    abort: (): void => {
      this.writer.transport.abort()
      this.writeOver()
    },
  }

  /** Null when the stream was cancelled meanwhile. */
  private async read(count: number): Promise<Buffer | null> {
    const reading = createOwnTask(this.loop, this.reader.read(count))
    this.reading = reading
    try {
      return await reading
    } catch (error) {
      if (this.isReadOver) return null
      this.readOver()
      throw error
    } finally {
      this.reading = null
    }
  }

  private readOver(): void {
    this.isReadOver = true
    if (this.isWriteOver) this.writer.close()
  }

  private writeOver(): void {
    this.isWriteOver = true
    if (this.isReadOver) this.writer.close()
  }
}
