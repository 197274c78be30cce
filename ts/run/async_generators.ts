// asyncGenerator, and what becomes of async generators that nobody finishes: EventLoop.shutdownAsyncGens.
//
// Python tells an event loop of every asynchronous generator (PEP 525: firstiter and finalizer hooks).
// JavaScript tells nobody, so a generator function has to be wrapped to be seen. What it makes is a thin
// object around the real generator; the loop holds the real one, so that its `finally` can still run when
// nobody holds the thin one any more.
//
// Invariants: 1. A generator is on its loop's list from its first step until it has ended.
//             2. The list never holds the thin object, so that it can be collected.

import { gather } from '../combine/gather'
import { checkFunction, invalidType } from '../errors/arguments'
import { CancelledError, RuntimeError } from '../errors/errors'
import { functionName } from '../errors/printing'
import type { Future } from '../future/future'
import { GeneratorOperation, type Operation } from '../future/operation'
import { EventLoop } from '../loop/loop'
import { schedulingLoop } from '../loop/running'
import { warnOfLateGenerator } from '../loop/warnings'

declare module '../loop/loop' {
  interface EventLoop {
    /** Ends the generators of `asyncGenerator` functions that were begun and left unfinished. */
    shutdownAsyncGens(): Operation<void>
  }
}

/** The generators of one loop that have begun and not ended. */
class OpenGenerators {
  readonly all = new Set<Inner>()
  isShutDown = false
}

const generatorsByLoop = new WeakMap<EventLoop, OpenGenerators>()
const abandoned = new FinalizationRegistry<Inner>((inner) => inner.finalize())

function generatorsOf(loop: EventLoop): OpenGenerators {
  let generators = generatorsByLoop.get(loop)
  if (generators === undefined) {
    generators = new OpenGenerators()
    generatorsByLoop.set(loop, generators)
  }
  return generators
}

/** The real generator, and the loop on which it began. */
class Inner<T = unknown, R = unknown, N = never> {
  private loop: EventLoop | null = null
  /** How many of its steps are under way. */
  private running = 0

  constructor(
    readonly generator: AsyncGenerator<T, R, N>,
    readonly name: string,
  ) {}

  /** Before its first step: the loop that runs now will see to its end. */
  begin(outer: object): void {
    if (this.loop !== null) return
    this.loop = schedulingLoop()
    const generators = generatorsOf(this.loop)
    if (generators.isShutDown) warnOfLateGenerator(this.name)
    generators.all.add(this as Inner)
    abandoned.register(outer, this as Inner, this)
  }

  async step(promise: Promise<IteratorResult<T, R>>): Promise<IteratorResult<T, R>> {
    this.running++
    let hasEnded = true
    try {
      const result = await promise
      hasEnded = result.done === true
      return result
    } finally {
      this.running--
      if (hasEnded) this.forget()
    }
  }

  /** Lets its `finally` blocks run. */
  async close(): Promise<void> {
    if (this.running > 0) {
      const message = `asynchronous generator ${this.name}() is running: it cannot be closed`
      throw new RuntimeError(message, 'ERR_GENERATOR_RUNNING')
    }
    const { done } = await this.step(this.generator.return(undefined as R))
    if (done === true) return
    const message = `asynchronous generator ${this.name}() yielded when it was closed`
    throw new RuntimeError(message, 'ERR_GENERATOR_NOT_CLOSED')
  }

  /** Nobody can iterate it any more. */
  finalize(): void {
    const loop = this.loop as EventLoop
    // What stays on the list is closed when the loop shuts down.
    if (this.running > 0 || loop.isClosed() || loop._admission?.mayMake(null) === false) return
    loop.createTask(async () => {
      try {
        await this.close()
      } catch (error) {
        reportFailure(loop, this as Inner, error)
      }
    })
  }

  private forget(): void {
    if (this.loop === null) return
    generatorsOf(this.loop).all.delete(this as Inner)
    abandoned.unregister(this)
  }
}

function reportFailure(loop: EventLoop, inner: Inner, exception: unknown): void {
  loop.callExceptionHandler({
    message: `an error occurred during closing of asynchronous generator ${inner.name}()`,
    exception,
    generator: inner.generator,
  })
}

// biome-ignore lint/suspicious/noExplicitAny: whatever it takes and gives, it keeps its type
type AsyncGeneratorFunctionOf = (this: any, ...args: any[]) => AsyncGenerator<any, any, any>

/** What users iterate. */
class WatchedGenerator<T, R, N> implements AsyncGenerator<T, R, N> {
  readonly #inner: Inner<T, R, N>

  constructor(inner: Inner<T, R, N>) {
    this.#inner = inner
  }

  get [Symbol.toStringTag](): string {
    return 'AsyncGenerator'
  }

  next(...given: [] | [N]): Promise<IteratorResult<T, R>> {
    this.#inner.begin(this)
    return this.#inner.step(this.#inner.generator.next(...given))
  }

  return(value: R | PromiseLike<R>): Promise<IteratorResult<T, R>> {
    return this.#inner.step(this.#inner.generator.return(value))
  }

  throw(error: unknown): Promise<IteratorResult<T, R>> {
    return this.#inner.step(this.#inner.generator.throw(error))
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return(undefined as R)
  }
}

/**
 * Wraps an async generator function so that its generators are seen to: one that was begun and is left
 * unfinished has its `finally` blocks run when it is collected, or at the end of `run`, whichever comes
 * first (PEP 525). Errors there go to the loop's exception handler.
 */
export function asyncGenerator<F extends AsyncGeneratorFunctionOf>(fn: F): F {
  checkFunction('fn', fn)
  const name = functionName(fn)
  const wrapped = function (this: unknown, ...args: unknown[]): AsyncGenerator {
    const generator: unknown = fn.apply(this, args)
    if (!isAsyncGenerator(generator)) {
      throw invalidType('fn', 'an async generator function', fn)
    }
    return new WatchedGenerator(new Inner(generator, name))
  }
  return Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true }) as F
}

function isAsyncGenerator(x: unknown): x is AsyncGenerator<unknown, unknown, never> {
  if (typeof x !== 'object' || x === null) return false
  const { next, return: end, throw: raise } = x as { [method: string]: unknown }
  const isWhole = [next, end, raise].every((method) => typeof method === 'function')
  return isWhole && Symbol.asyncIterator in x
}

EventLoop.prototype.shutdownAsyncGens = function shutdownAsyncGens(): Operation<void> {
  return new GeneratorOperation('shutdownAsyncGens', () => closeGenerators(this))
}

/** What begins from now on is warned of, as in asyncio. */
function* closeGenerators(loop: EventLoop): Generator<Future<unknown>, void, unknown> {
  const generators = generatorsOf(loop)
  generators.isShutDown = true
  const open = [...generators.all]
  if (open.length === 0) return
  const closings = open.map((inner) => () => inner.close())
  const outcomes: unknown[] = yield* gather(closings, { returnExceptions: true })
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome === undefined || outcome instanceof CancelledError) continue
    reportFailure(loop, open[index] as Inner, outcome)
  }
}
