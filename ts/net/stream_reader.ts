// StreamReader: reading from a connection with coroutines, after asyncio's StreamReader (3.13).
//
// Invariants: 1. At most one coroutine waits for data at a time.
//             2. Reading from the socket is paused while more than twice the limit is held, and
//                goes on when
//                no more than the limit is.

import { inspect } from 'node:util'
import type { Lease } from '../backend/backend'
import { checkInteger, checkObject, checkSwitch, invalidType } from '../errors/arguments'
import { IncompleteReadError, LimitOverrunError, RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import type { EventLoop } from '../loop/loop'
import { checkEventLoop, schedulingLoop } from '../loop/running'
import { ByteQueue, NOTHING_QUEUED } from './byte_queue'
import { Loans } from './loans'
import type { Transport } from './protocol'
import { ReadingExactly, ReadingSome, type ReadSource } from './reading'
import { type Found, type Separator, Separators } from './separators'
import { SocketTransport } from './transport'

type Steps<T> = Generator<Future<unknown>, T, unknown>

/** The limit of a reader, in bytes, unless another is given. */
export const READER_LIMIT_BYTES = 64 * 1024

const NEWLINE = Buffer.from('\n')
const NEWLINES = Separators.of(NEWLINE)

export interface ReaderOptions {
  /** How much is held before reading pauses (at twice this), and how long a line may be. Bytes. */
  limit?: number | undefined
  /**
   * What the reader gives is valid until it is asked for more: then the memory is received into again,
   * and nothing has to be copied or allocated. By default false: what it gives is the caller's.
   */
  borrow?: boolean | undefined
  loop?: EventLoop | undefined
}

export class StreamReader implements ReadSource {
  private readonly loop: EventLoop
  /** What is lent to it; null for a reader that does not borrow. */
  private readonly loans: Loans | null
  private readonly limit: number
  /** What came in and was not read. */
  private queue = NOTHING_QUEUED
  private eof = false
  private waiter: Future<void> | null = null
  private error: unknown = null
  private transport: Pick<Transport, 'pauseReading' | 'resumeReading'> | null = null
  private paused = false

  constructor(options: ReaderOptions = {}) {
    checkObject('options', options)
    const { limit = READER_LIMIT_BYTES, borrow = false, loop } = options
    checkInteger('options.limit', limit, 1)
    checkSwitch('options.borrow', borrow)
    if (loop !== undefined) checkEventLoop('options.loop', loop)
    this.limit = limit
    this.loans = borrow ? new Loans() : null
    this.loop = loop ?? schedulingLoop()
  }

  /** The error that the connection ended with; null if there is none. */
  exception(): unknown {
    return this.error
  }

  /** Who waits, and who reads from now on, gets this error. */
  setException(error: unknown): void {
    this.error = error
    const { waiter } = this
    this.waiter = null
    if (waiter !== null && !waiter.done()) waiter.setException(error)
  }

  /** The transport to pause when too much is held. */
  setTransport(transport: Pick<Transport, 'pauseReading' | 'resumeReading'>): void {
    this.transport = transport
  }

  /** @internal Whether the peer has sent its last byte, read or not. */
  _hasEnded(): boolean {
    return this.eof
  }

  /** @internal Takes what came and was not read, for whoever reads from the connection next. */
  _takeReceived(): Buffer {
    this.paused = false
    return this.takeAll()
  }

  /** No more data will come. */
  feedEof(): void {
    this.eof = true
    this.wakeWaiter()
  }

  /** Bytes came in. They are copied, as those of `dataReceived` are borrowed. */
  feedData(data: Uint8Array): void {
    if (!(data instanceof Uint8Array)) throw invalidType('data', 'a Uint8Array', data)
    if (this.eof) throw new RuntimeError('feedData after feedEof', 'ERR_FEED_AFTER_EOF')
    if (data.length > 0) this.add(Buffer.from(data))
  }

  /** @internal As `feedData`, with what the reader's transport has just received. */
  _received(data: Uint8Array): void {
    const { transport } = this
    if (!(transport instanceof SocketTransport) || this.eof) {
      this.feedData(data)
      return
    }
    const isWanted = this.waiter !== null
    const lease = this.loans === null ? null : transport._lend(data, isWanted)
    this.add(lease === null ? transport._keep(data, isWanted) : (data as Buffer), lease)
  }

  private add(data: Buffer, lease: Lease | null = null): void {
    this.loans?.add(data.length, lease)
    if (this.queue === NOTHING_QUEUED) this.queue = new ByteQueue()
    this.queue.push(data)
    this.wakeWaiter()
    if (this.transport !== null && !this.paused && this.queue.length > 2 * this.limit) {
      this.paused = true
      this.transport.pauseReading()
    }
  }

  /** Whether the peer has sent its last byte and all are read. */
  atEof(): boolean {
    return this.eof && this.queue.length === 0
  }

  /**
   * Reads up to `count` bytes, as soon as there are any; an empty buffer means the end. Without
   * `count`, or with -1, reads everything up to the end.
   */
  read(count = -1): Operation<Buffer> {
    checkInteger('count', count, -1)
    if (count >= 0) return new ReadingSome(this, count)
    return new GeneratorOperation('StreamReader.read', () => this.readAll())
  }

  /**
   * Reads a line with its newline. At the end of the stream it gives what is left, at last an empty
   * buffer. Throws LimitOverrunError if the line is longer than the limit, and discards it.
   */
  readline(): Operation<Buffer> {
    return new GeneratorOperation('StreamReader.readline', () => this.readLine())
  }

  /**
   * Reads up to and with `separator`; of several, the one that ends first. Throws IncompleteReadError
   * if the stream ends before, and LimitOverrunError, leaving the data there, if it does not come within
   * the limit.
   */
  readuntil(separator: Separator = NEWLINE): Operation<Buffer> {
    const separators = separator === NEWLINE ? NEWLINES : Separators.of(separator)
    return new GeneratorOperation('StreamReader.readuntil', () => this.readUntil(separators))
  }

  /** Reads exactly `count` bytes. Throws IncompleteReadError if the stream ends before. */
  readexactly(count: number): Operation<Buffer> {
    checkInteger('count', count, 0)
    return new ReadingExactly(this, count)
  }

  /** The chunks, as they come. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunk = await this.read(this.limit)
      if (chunk.length === 0) return
      yield chunk
    }
  }

  [inspect.custom](): string {
    const state = this.error !== null ? 'failed' : this.eof ? 'eof' : 'open'
    return `<StreamReader ${state} ${this.queue.length} bytes>`
  }

  /** @internal */
  _beginRead(): void {
    this.loans?.giveBack(this.queue.length)
    this.throwError()
  }

  /** @internal */
  _takeSome(count: number, isWoken: boolean): Buffer | null {
    const { length } = this.queue
    if (count === 0) return Buffer.alloc(0)
    if (length === 0) return this.eof || isWoken ? Buffer.alloc(0) : null
    const data = this.take(Math.min(length, count))
    this.resumeIfDrained()
    return data
  }

  /** @internal */
  _takeExactly(count: number): Buffer | null {
    if (this.queue.length < count) {
      if (this.eof) throw new IncompleteReadError(this.takeAll(), count)
      return null
    }
    const data = this.take(count)
    this.resumeIfDrained()
    return data
  }

  private *readAll(): Steps<Buffer> {
    this.throwError()
    const parts: Buffer[] = []
    for (;;) {
      const part = yield* this.read(this.limit)
      if (part.length === 0) return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
      parts.push(this.loans !== null ? Buffer.from(part) : part)
    }
  }

  private *readLine(): Steps<Buffer> {
    try {
      return yield* this.readUntil(NEWLINES)
    } catch (error) {
      if (error instanceof IncompleteReadError) return error.partial as Buffer
      if (!(error instanceof LimitOverrunError)) throw error
      const lineEnds = this.queue.indexOf(NEWLINE, error.consumed) === error.consumed
      if (lineEnds) this.take(error.consumed + NEWLINE.length)
      else this.queue = NOTHING_QUEUED
      this.resumeIfDrained()
      const message = `the line is longer than the limit of ${this.limit} bytes; it was discarded`
      throw new LimitOverrunError(message, 0)
    }
  }

  private *readUntil(separators: Separators): Steps<Buffer> {
    this._beginRead()
    // Where a separator may begin: what was looked through is not looked through again.
    let from = 0
    for (;;) {
      if (this.queue.length >= from + separators.sizeMin) {
        const found = separators.find(this.queue, from)
        if (found !== null) return this.takeUntil(found)
        from = Math.max(0, this.queue.length + 1 - separators.sizeMax)
        if (from > this.limit) {
          throw new LimitOverrunError('Separator is not found, and chunk exceed the limit', from)
        }
      }
      if (this.eof) throw new IncompleteReadError(this.takeAll(), null)
      yield* this._moreData('readuntil')
    }
  }

  private takeUntil({ start, end }: Found): Buffer {
    if (start > this.limit) {
      throw new LimitOverrunError('Separator is found, but chunk is longer than limit', start)
    }
    const data = this.take(end)
    this.resumeIfDrained()
    return data
  }

  /** @internal */
  _moreData(method: string): Future<void> {
    // One that is done was cancelled: nobody waits for it any more.
    if (this.waiter !== null && !this.waiter.done()) {
      const message = `${method}() called while another coroutine waits for incoming data`
      throw new RuntimeError(message, 'ERR_CONCURRENT_READ')
    }
    // With reading paused nothing would ever come.
    if (this.paused) {
      this.paused = false
      this.transport?.resumeReading()
    }
    this.waiter = new Future<void>(this.loop)
    return this.waiter
  }

  /** The next `count` bytes. An idle connection has no queue. */
  private take(count: number): Buffer {
    const { queue } = this
    if (count === queue.length) this.queue = NOTHING_QUEUED
    return queue.take(count)
  }

  /** All that is there, for somebody who is not asked to be done with it. */
  private takeAll(): Buffer {
    const bytes = this.take(this.queue.length)
    return this.loans !== null ? Buffer.from(bytes) : bytes
  }

  private throwError(): void {
    if (this.error !== null) throw this.error
  }

  private wakeWaiter(): void {
    const { waiter } = this
    if (waiter === null) return
    this.waiter = null
    if (!waiter.done()) waiter.setResult(undefined)
  }

  private resumeIfDrained(): void {
    if (!this.paused || this.queue.length > this.limit) return
    this.paused = false
    this.transport?.resumeReading()
  }
}
