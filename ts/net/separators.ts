// What `readuntil` looks for: one separator, or several of which the one that ends first counts
// (asyncio 3.13).

import { invalidType, outOfRange } from '../errors/arguments'
import type { ByteQueue } from './byte_queue'

/** A separator that was found: where it begins, and behind which byte it ends. */
export type Found = { start: number; end: number }

/** One separator, as text or bytes; or several. */
export type Separator = string | Uint8Array | ReadonlyArray<string | Uint8Array>

export class Separators {
  /** Sizes in bytes, of the shortest and the longest. */
  readonly sizeMin: number
  readonly sizeMax: number

  /** `all` from the shortest to the longest: of two that end together the shorter one counts. */
  private constructor(private readonly all: readonly Uint8Array[]) {
    this.sizeMin = (all[0] as Uint8Array).length
    this.sizeMax = (all.at(-1) as Uint8Array).length
  }

  /** Throws TypeError for what is none, RangeError for an empty one and for an empty list. */
  static of(separator: Separator): Separators {
    const given = Array.isArray(separator) ? separator : [separator]
    if (given.length === 0) throw outOfRange('separator', 'at least one separator', separator)
    const all = given.map((one) => toBytes(one, separator))
    return new Separators(all.sort((one, other) => one.length - other.length))
  }

  /** The one that ends first, at `from` or behind it; null if there is none. */
  find(queue: ByteQueue, from: number): Found | null {
    let found: Found | null = null
    for (const one of this.all) {
      const start = queue.indexOf(one, from)
      if (start < 0 || (found !== null && start + one.length >= found.end)) continue
      found = { start, end: start + one.length }
    }
    return found
  }
}

function toBytes(one: unknown, separator: unknown): Uint8Array {
  const bytes = typeof one === 'string' ? Buffer.from(one) : one
  if (!(bytes instanceof Uint8Array)) {
    throw invalidType('separator', 'a string, a Uint8Array or an array of these', separator)
  }
  if (bytes.length === 0) throw outOfRange('separator', 'at least one byte', separator)
  return bytes
}
