// Connecting to one of several addresses: RFC 8305, "happy eyeballs". Attempts begin one after the
// other, each when the one before has failed or a delay has passed, and go on side by side; the first
// that stands wins, and the others are given up.
//
// Invariants: 1. Whatever comes of the race (a winner, failures, a cancellation), no attempt but the
//                winner's is left open behind it.
// Knows nothing of sockets: an attempt is what `begin` makes of it.

import { Future } from '../future/future'
import type { TimerHandle } from '../loop/handle'
import type { EventLoop } from '../loop/loop'
import type { ResolvedAddress } from './address'

/** An attempt under way. */
export interface Attempt {
  abort(): void
}

export interface RaceOptions<A extends Attempt> {
  addresses: readonly ResolvedAddress[]
  /** How long an attempt is alone before the next begins; null: until it has failed. Milliseconds. */
  delayMs: number | null
  /** Begins an attempt; `settled` is called once, never from inside: null, or why there is none. */
  begin(address: ResolvedAddress, settled: (error: Error | null) => void): A
}

/** What a race ended with: the winner, or why there is none, in the order of the addresses. */
export type RaceEnd<A extends Attempt> = { winner: A } | { errors: Error[] }

/**
 * The addresses in an order that alternates between the families, beginning with `first` of the family
 * that the resolver put first (RFC 8305, section 4).
 */
export function interleave(
  addresses: readonly ResolvedAddress[],
  first: number,
): ResolvedAddress[] {
  const preferred = addresses.filter(({ family }) => family === addresses[0]?.family)
  const others = addresses.filter(({ family }) => family !== addresses[0]?.family)
  const ordered = preferred.splice(0, first - 1)
  while (preferred.length > 0 || others.length > 0) {
    ordered.push(...preferred.splice(0, 1), ...others.splice(0, 1))
  }
  return ordered
}

class Race<A extends Attempt> {
  /** Done with the winner, or null when all have failed. */
  readonly over: Future<A | null>
  readonly errors: Error[] = []
  private readonly running = new Set<A>()
  private begun = 0
  private timer: TimerHandle | null = null

  constructor(
    private readonly loop: EventLoop,
    private readonly options: RaceOptions<A>,
  ) {
    this.over = new Future<A | null>(loop)
  }

  beginNext(): void {
    this.timer?.cancel()
    this.timer = null
    const { addresses, delayMs, begin } = this.options
    const index = this.begun
    const address = addresses[index]
    if (address === undefined) return
    this.begun++
    const attempt = begin(address, (error) => this.settled(attempt, index, error))
    this.running.add(attempt)
    if (delayMs !== null && this.begun < addresses.length) {
      this.timer = this.loop.callLater(delayMs, () => this.beginNext())
    }
  }

  /** Gives up everything but the winner. */
  end(winner: A | null): void {
    this.timer?.cancel()
    for (const attempt of this.running) if (attempt !== winner) attempt.abort()
    this.running.clear()
  }

  private settled(attempt: A, index: number, error: Error | null): void {
    // One that lost the race says so when it is aborted.
    if (this.over.done() || !this.running.has(attempt)) return
    if (error === null) {
      this.over.setResult(attempt)
      return
    }
    this.running.delete(attempt)
    this.errors[index] = error
    const wasLast = index === this.begun - 1
    if (wasLast && this.begun < this.options.addresses.length) this.beginNext()
    else if (this.running.size === 0 && this.begun === this.options.addresses.length) {
      this.over.setResult(null)
    }
  }
}

/** Runs a race. REQUIRES: there is an address. */
export function* race<A extends Attempt>(
  loop: EventLoop,
  options: RaceOptions<A>,
): Generator<Future<unknown>, RaceEnd<A>, unknown> {
  const attempts = new Race(loop, options)
  let winner: A | null = null
  try {
    attempts.beginNext()
    winner = yield* attempts.over
  } finally {
    attempts.end(winner)
  }
  return winner === null ? { errors: attempts.errors } : { winner }
}
