// What a reader that borrows has of the memory that its connection is received into.
//
// Invariant: loans stand in the order of the stream, and each is given back once.

import type { Lease } from '../backend/backend'

/** Memory that holds bytes of the stream up to `end`, counted from its beginning. */
interface Loan {
  lease: Lease
  end: number
}

/** Of a reader that has none, as those of idle connections; never written to. */
const NO_LOANS: Loan[] = []

export class Loans {
  private loans = NO_LOANS
  /** How many bytes came in so far, lent or copied. */
  private receivedBytes = 0

  /** Bytes came in; `lease` is null for those that were copied. */
  add(bytes: number, lease: Lease | null): void {
    this.receivedBytes += bytes
    if (lease === null) return
    if (this.loans === NO_LOANS) this.loans = []
    this.loans.push({ lease, end: this.receivedBytes })
  }

  /** Gives back what was read. `unreadBytes` of what came in are still to be read. */
  giveBack(unreadBytes: number): void {
    const { loans } = this
    const read = this.receivedBytes - unreadBytes
    while (loans.length > 0 && loans[0]!.end <= read) loans.shift()!.lease.release()
  }
}
