// Which arguments of a gather were given before: the same generator given twice must run once.
//
// To find out costs a hash for each argument, so it is done only when something happens that a
// repeated generator could cause. One that ended in its first step gives undefined when it is stepped
// again, which does no harm but to its result; so a gathering asks from the first child on that did
// not end in its first step, and in the end if some steps gave undefined and some did not.

import { ChildKind } from './child_kind'

export class Repeats {
  /**
   * Where each argument was given first; null if none was given twice, undefined until it matters.
   */
  private firstPlaces: Map<unknown, number> | null | undefined = undefined

  constructor(
    private readonly coros: readonly unknown[],
    private readonly kinds: Uint8Array,
  ) {}

  /** Whether somebody asked already. */
  get areKnown(): boolean {
    return this.firstPlaces !== undefined
  }

  /** Whether somebody asked, and there are some. */
  get exist(): boolean {
    return Boolean(this.firstPlaces)
  }

  /** Whether this argument is a generator (or operation) that was given before. */
  has(index: number): boolean {
    if (this.kinds[index] === ChildKind.FUNCTION) return false
    this.find()
    return this.placeOf(index) !== index
  }

  /** Where this argument was given first, as far as it is known. A function is called each time. */
  placeOf(index: number): number {
    const places = this.firstPlaces
    if (!places || this.kinds[index] === ChildKind.FUNCTION) return index
    return places.get(this.coros[index]) as number
  }

  find(): void {
    if (this.firstPlaces !== undefined) return
    const areRepeated = new Set(this.coros).size < this.coros.length
    this.firstPlaces = areRepeated ? placesOf(this.coros) : null
  }
}

function placesOf(coros: readonly unknown[]): Map<unknown, number> {
  const places = new Map<unknown, number>()
  coros.forEach((coro, index) => {
    if (!places.has(coro)) places.set(coro, index)
  })
  return places
}
