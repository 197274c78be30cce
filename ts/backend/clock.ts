// The clock of both backends: CLOCK_MONOTONIC, in milliseconds. process.hrtime() reads it a quarter
// cheaper than performance.now(), whose zero JavaScript cannot tell native code exactly either.

const { hrtime } = process

/** Whole seconds, so that subtracting them loses nothing, and small numbers keep the nanoseconds. */
const originSeconds = hrtime()[0]

/** Where the clock has its zero, on CLOCK_MONOTONIC. */
export const CLOCK_ORIGIN_NS = originSeconds * 1e9

/** Milliseconds since the zero, fractions down to a nanosecond. */
export function monotonicMs(): number {
  const now = hrtime()
  return (now[0] - originSeconds) * 1e3 + now[1] / 1e6
}
