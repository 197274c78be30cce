// Claim: that of those who wait on something that was opened, and has to be closed if nobody gets it.
// It stands in its future until somebody has looked at the result: see task/opening.ts.

export class Claim {
  /** @param waiters how many waited for the future when it was done */
  constructor(
    private waiters: number,
    private readonly discard: () => void,
  ) {}

  /** One of those who waited was cancelled before he got the result. */
  drop(): void {
    if (--this.waiters === 0) this.discard()
  }

  /** The future itself was cancelled: none of them gets anything. */
  dropAll(): void {
    this.discard()
  }
}
