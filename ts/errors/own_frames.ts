// Which frames of a stack are Gyre's own and Node's, and which are the program's.

import { sep } from 'node:path'

const OWN_PLACES = ownPlaces(__dirname)

/** A generator resumed by another, a frame of Node's, or a name without a place. */
const NO_PROGRAM = /\(<anonymous>\)$|\(node:|^node:|\(native\)$/

const FRAME = /^\s+at (?:async )?(.*)$/

/** Where Gyre's code is, compiled and as sources, if it runs from `directory`. */
export function ownPlaces(directory: string): readonly string[] {
  const bundle = `${sep}dist${sep}bundle`
  // In a bundle of the program's, nothing tells these files from its own, whatever its directory is called.
  if (!directory.endsWith(bundle)) return []
  const root = directory.slice(0, -bundle.length)
  return [`${root}${sep}dist${sep}`, `${root}${sep}ts${sep}`]
}

/** `name (place)` of a line of a stack; null if the line is none of a frame. */
export function frameOf(line: string): string | null {
  return FRAME.exec(line)?.[1] ?? null
}

/** Whether a frame is neither Gyre's nor Node's. */
export function isProgramFrame(frame: string): boolean {
  return !NO_PROGRAM.test(frame) && !isOwnFrame(frame)
}

export function isOwnFrame(frame: string): boolean {
  return OWN_PLACES.some((place) => frame.includes(place))
}
