// LatePromise: what `then` of a future or an operation returns. It makes a native promise only if
// somebody goes on from there: `await` ignores what `then` returns, and a promise costs more than
// everything else that an `await` does.
//
// Invariant: it settles once, by `settle` or `fail`; a promise that was asked for before follows.

import { isThenable } from './thenable'

/** A promise that was asked for before there was an outcome. */
interface Asked<R> {
  readonly promise: Promise<R>
  readonly resolve: (value: R | PromiseLike<R>) => void
  readonly reject: (error: unknown) => void
}

/** The outcome while there is none. */
const UNSETTLED = Symbol('unsettled')

export abstract class LatePromise<R> implements Promise<R> {
  private outcome: R | PromiseLike<R> | typeof UNSETTLED = UNSETTLED
  private asked: Asked<R> | null = null

  get [Symbol.toStringTag](): string {
    return 'Continuation'
  }

  /** What the handler gave. */
  protected settle(outcome: R | PromiseLike<R>): void {
    if (this.asked !== null) this.asked.resolve(outcome)
    // As of a promise: what the handler gave may be an operation, which begins by that. `await` gives
    // undefined here.
    else
      this.outcome =
        outcome !== undefined && isThenable(outcome) ? Promise.resolve(outcome) : outcome
  }

  /** The handler threw, or there was none. */
  protected fail(error: unknown): void {
    if (this.asked !== null) this.asked.reject(error)
    // Nobody went on from here yet: a rejected promise lets Node report it as unhandled.
    else this.outcome = Promise.reject(error)
  }

  private toPromise(): Promise<R> {
    const { outcome } = this
    // Of a native promise, which is what a failure left here, this is the promise itself.
    if (this.asked === null && outcome !== UNSETTLED) return Promise.resolve(outcome)
    this.asked ??= ask<R>()
    return this.asked.promise
  }

  // biome-ignore lint/suspicious/noThenProperty: what `then` returns must be thenable itself
  then<C = R, D = never>(
    onFulfilled?: ((value: R) => C | PromiseLike<C>) | null,
    // biome-ignore lint/suspicious/noExplicitAny: as Promise types it
    onRejected?: ((error: any) => D | PromiseLike<D>) | null,
  ): Promise<C | D> {
    return this.toPromise().then(onFulfilled, onRejected)
  }

  // biome-ignore lint/suspicious/noExplicitAny: as Promise types it
  catch<D = never>(onRejected?: ((error: any) => D | PromiseLike<D>) | null): Promise<R | D> {
    return this.toPromise().catch(onRejected)
  }

  finally(onFinally?: (() => void) | null): Promise<R> {
    return this.toPromise().finally(onFinally)
  }
}

function ask<R>(): Asked<R> {
  let resolve!: Asked<R>['resolve']
  let reject!: Asked<R>['reject']
  const promise = new Promise<R>((resolveIt, rejectIt) => {
    resolve = resolveIt
    reject = rejectIt
  })
  return { promise, resolve, reject }
}
