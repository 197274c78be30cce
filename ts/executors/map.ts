// JobResults: what Executor.map gives. Items are pulled from the source as the workers get through them,
// sent in chunks, and the results come in the order of the items.
//
// Invariants: 1. At most `bufferSize` chunks are submitted and not yet read to their end, so that a slow
//                reader holds up the source.
//             2. The source is closed when the reading ends early, by an error or by `return`.

import { checkInteger, invalidType } from '../errors/arguments'
import { Future } from '../future/future'
import type { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import type { Coroutine } from '../task/coroutine'
import { createOwnTask, wrap } from '../task/create'
import type { Task } from '../task/task'
import type { SubmitTrace } from './submit_trace'

/** Where the items come from. */
export type MapSource<T> = Iterable<T> | AsyncIterable<T>

export interface MapOptions {
  /** How many items go to a worker at once: more are cheaper where each is quick. By default 1. */
  chunkSize?: number | undefined
  /** How many chunks may be submitted and not yet read. By default twice the number of workers. */
  bufferSize?: number | undefined
}

/** What a map needs of its executor. */
export interface MapTarget {
  readonly maxWorkers: number
  _hasRoom(): boolean
  _onRoom(listener: () => void): void
  _submit(
    fn: unknown,
    args: readonly unknown[],
    isChunk: boolean,
    trace: SubmitTrace,
  ): Future<unknown>
}

/** What a chunk brings; see Reply. */
interface ChunkOutcome {
  values: unknown[]
  error: { thrown: unknown } | null
}

type SourceIterator = Iterator<unknown> | AsyncIterator<unknown>

/**
 * The results of a `map`, in order: `for await (const result of results)` in async functions,
 * `yield* results.next()` or `yield* results.toArray()` in any coroutine. The first error ends it, and
 * cancels what is left. Leaving the loop early does so too.
 */
export class JobResults<R> implements AsyncIterableIterator<R> {
  private readonly loop: EventLoop = schedulingLoop()
  private readonly source: SourceIterator
  private readonly chunkSize: number
  private readonly bufferSize: number
  private readonly feeder: Task<void>
  /** Chunks that were submitted and are not read to their end, but for the one being read. */
  private readonly chunks: Future<unknown>[] = []
  /** The chunk that is read now. */
  private current: ChunkOutcome = { values: [], error: null }
  private position = 0
  private unread = 0
  private isFed = false
  private isOver = false
  /** What the source threw, or submitting; it comes behind the results of what went before. */
  private failure: { thrown: unknown } | null = null
  private wakeFeeder: Future<void> | null = null
  private wakeReader: Future<void> | null = null
  /** The last read that was asked for: the next one waits for it. */
  private lastRead: Future<unknown> | null = null

  /** @internal */
  constructor(
    private readonly executor: MapTarget,
    private readonly fn: unknown,
    source: MapSource<unknown>,
    { chunkSize = 1, bufferSize = 2 * executor.maxWorkers }: MapOptions,
    /** Who called `map`: that is who submits the chunks. */
    private readonly trace: SubmitTrace,
  ) {
    checkInteger('options.chunkSize', chunkSize, 1)
    checkInteger('options.bufferSize', bufferSize, 1)
    this.chunkSize = chunkSize
    this.bufferSize = bufferSize
    this.source = iteratorOf(source)
    this.feeder = createOwnTask(this.loop, this.feed(), { name: 'Executor.map' })
  }

  /** The next result. */
  next(): Future<IteratorResult<R, undefined>> {
    const previous = this.lastRead
    const read = createOwnTask(this.loop, this.read(previous), { name: 'JobResults.next' })
    this.lastRead = read
    return read
  }

  /** Ends the reading: cancels what is left, and closes the source. */
  return(): Future<IteratorResult<R, undefined>> {
    return createOwnTask(this.loop, this.end(), { name: 'JobResults.return' })
  }

  /** All results that are left. */
  toArray(): Future<R[]> {
    return createOwnTask(this.loop, this.readAll(), { name: 'JobResults.toArray' })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private *readAll(): Coroutine<R[]> {
    const all: R[] = []
    try {
      for (;;) {
        const step = yield* this.next()
        if (step.done === true) return all
        all.push(step.value)
      }
    } finally {
      yield* this.end()
    }
  }

  private *end(): Coroutine<IteratorResult<R, undefined>> {
    this.isOver = true
    for (const chunk of this.chunks.splice(0)) abandon(chunk)
    this.feeder.cancel()
    wake(this.wakeReader)
    yield* untilDone(this.feeder)
    return { value: undefined, done: true }
  }

  private *read(previous: Future<unknown> | null): Coroutine<IteratorResult<R, undefined>> {
    if (previous !== null) yield* untilDone(previous)
    for (;;) {
      if (this.isOver) return { value: undefined, done: true }
      const { values, error } = this.current
      if (this.position < values.length) {
        return { value: values[this.position++] as R, done: false }
      }
      if (error !== null) yield* this.endWith(error.thrown)
      if (!(yield* this.readChunk())) {
        const { failure } = this
        if (failure !== null) yield* this.endWith(failure.thrown)
        this.isOver = true
      }
    }
  }

  /** Waits for the next chunk; false if there is none. */
  private *readChunk(): Coroutine<boolean> {
    while (this.chunks.length === 0) {
      if (this.isFed || this.isOver) return false
      this.wakeReader = this.loop.createFuture<void>()
      yield* this.wakeReader
    }
    const chunk = this.chunks[0] as Future<unknown>
    yield* untilDone(chunk)
    if (this.chunks[0] !== chunk) return true
    this.chunks.shift()
    this.unread--
    wake(this.wakeFeeder)
    this.current = outcomeOf(chunk)
    this.position = 0
    return true
  }

  private *endWith(thrown: unknown): Coroutine<never> {
    yield* this.end()
    throw thrown
  }

  private *feed(): Coroutine<void> {
    let isExhausted = false
    try {
      while (!isExhausted) {
        while (this.unread >= this.bufferSize || !this.executor._hasRoom()) yield* this.room()
        const items: unknown[] = []
        while (items.length < this.chunkSize && !isExhausted) {
          const step = this.source.next()
          const { done, value } = isPromise(step) ? yield* wrap(step) : step
          if (done === true) isExhausted = true
          else items.push(value)
        }
        if (items.length > 0) this.submitChunk(items)
      }
    } catch (thrown) {
      if (!this.isOver) this.failure = { thrown }
    } finally {
      this.isFed = true
      wake(this.wakeReader)
      if (!isExhausted) yield* this.closeSource()
    }
  }

  private submitChunk(items: readonly unknown[]): void {
    this.chunks.push(this.executor._submit(this.fn, items, true, this.trace))
    this.unread++
    wake(this.wakeReader)
  }

  /** Waits until the reader or the executor has made room. */
  private *room(): Coroutine<void> {
    const room = this.loop.createFuture<void>()
    if (this.unread >= this.bufferSize) this.wakeFeeder = room
    else this.executor._onRoom(() => wake(room))
    yield* room
  }

  private *closeSource(): Coroutine<void> {
    const closing = this.source.return?.()
    if (isPromise(closing)) yield* wrap(closing)
  }
}

function wake(future: Future<void> | null): void {
  if (future !== null && !future.done() && !future._loop.isClosed()) future.setResult(undefined)
}

/** Waits for the end of `future`, whatever it is, without cancelling it when this is cancelled. */
function* untilDone(future: Future<unknown>): Coroutine<void> {
  if (future.done()) return
  const done = new Future<void>(future._loop)
  future._onDone(() => wake(done))
  yield* done
}

/** An error of the job as a whole, such as the end of its worker, stands for its first item. */
function outcomeOf(chunk: Future<unknown>): ChunkOutcome {
  try {
    return chunk.result() as ChunkOutcome
  } catch (thrown) {
    return { values: [], error: { thrown } }
  }
}

/** Cancels a chunk that nobody will read; what it ended with concerns nobody. */
function abandon(chunk: Future<unknown>): void {
  chunk.cancel()
  chunk._markRetrieved()
}

function isPromise(step: unknown): step is PromiseLike<IteratorResult<unknown>> {
  return typeof (step as { then?: unknown } | null)?.then === 'function'
}

function iteratorOf(source: unknown): SourceIterator {
  const iterable = source as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined
  const iterator = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.()
  if (iterator === undefined) throw invalidType('items', 'an iterable or async iterable', source)
  return iterator
}
