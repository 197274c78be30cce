// LatePromise: what `then` of a future or an operation returns. It makes a native promise only if
// somebody goes on from there: `await` ignores what `then` returns, and a promise costs more than
// everything else that an `await` does.
//
// Invariant: it settles once, by `settle` or `fail`; a promise that was asked for before follows.

export abstract class LatePromise<R> implements Promise<R> {
  private settled = false
  private outcome: R | PromiseLike<R> | undefined
  private promise: Promise<R> | null = null
  private resolve: ((value: R | PromiseLike<R>) => void) | null = null
  private reject: ((error: unknown) => void) | null = null

  get [Symbol.toStringTag](): string {
    return 'Continuation'
  }

  /** What the handler gave. */
  protected settle(outcome: R | PromiseLike<R>): void {
    this.settled = true
    if (this.resolve !== null) this.resolve(outcome)
    else this.outcome = outcome
  }

  /** The handler threw, or there was none. */
  protected fail(error: unknown): void {
    this.settled = true
    if (this.reject !== null) this.reject(error)
    // Nobody went on from here yet: a rejected promise lets Node report it as unhandled.
    else this.promise = Promise.reject(error)
  }

  private toPromise(): Promise<R> {
    this.promise ??= this.settled
      ? Promise.resolve(this.outcome as R)
      : new Promise<R>((resolve, reject) => {
          this.resolve = resolve
          this.reject = reject
        })
    return this.promise
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
