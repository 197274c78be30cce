// Which frames of a stack are Gyre's own and Node's, and which are the program's.

import { sep } from 'node:path'

const OWN_PLACES = ownPlaces()

/** A generator resumed by another, a frame of Node's, or a name without a place. */
const NO_PROGRAM = /\(<anonymous>\)$|\(node:|^node:|\(native\)$/

const FRAME = /^\s+at (?:async )?(.*)$/

/** The compiled files, and their sources where source maps are in use. */
function ownPlaces(): readonly string[] {
  const compiled = __dirname.lastIndexOf(`${sep}dist${sep}`)
  // In a bundle, nothing tells these files from the program's.
  if (compiled === -1) return []
  const root = __dirname.slice(0, compiled)
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
