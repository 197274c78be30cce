// What a series of measurements says. Medians, since noise only ever adds; the least, since it is
// what the machine can do; and the spread, without which neither means anything.

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  /** Half the interquartile range, as a share of the median. */
  readonly spread: number
}

/** The value below which the share `quantile` of the values lies, interpolated. */
export function quantileOf(values: readonly number[], quantile: number): number {
  if (values.length === 0) return NaN
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * quantile
  const below = Math.floor(position)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (position - below)
}

export function summarize(values: readonly number[]): Summary {
  const median = quantileOf(values, 0.5)
  const halfRange = (quantileOf(values, 0.75) - quantileOf(values, 0.25)) / 2
  return { median, min: Math.min(...values), max: Math.max(...values), spread: halfRange / median }
}

/**
 * `values` against `references`, round by round. Arms take turns, so what slows the machine down
 * for a while is in both figures of a round and cancels out.
 */
export function ratioOf(values: readonly number[], references: readonly number[]): Summary {
  return summarize(values.map((value, round) => value / references[round]!))
}

/** What a round found that noted how late each timer was. */
export function latenessOf(lateUs: readonly number[]): { p50Us: number; p99Us: number } {
  return { p50Us: quantileOf(lateUs, 0.5), p99Us: quantileOf(lateUs, 0.99) }
}
