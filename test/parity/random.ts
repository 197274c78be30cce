// A small seeded generator of random numbers (splitmix32): the same seed gives the same sequence on
// every machine, which is what lets the recorded traces name a program by its seed alone.

export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed | 0
    // Neighbouring seeds must not give neighbouring programs.
    for (let i = 0; i < 4; i++) this.next()
  }

  /** A 32-bit unsigned integer. */
  private next(): number {
    this.state = (this.state + 0x9e3779b9) | 0
    let z = this.state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }

  /** An integer from 0 up to, and without, `bound`. */
  below(bound: number): number {
    return this.next() % bound
  }

  /** An integer from `low` up to and with `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  /** A key of the table, as often as its weight says. Requires a positive sum of weights. */
  weighted<K extends string>(table: ReadonlyArray<readonly [K, number]>): K {
    let left = this.below(table.reduce((sum, [, weight]) => sum + weight, 0))
    for (const [key, weight] of table) {
      left -= weight
      if (left < 0) return key
    }
    throw new Error('an empty table of weights')
  }
}
