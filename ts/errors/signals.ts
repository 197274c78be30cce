// Names and numbers of signals, as Node knows them on this platform.

import { constants } from 'node:os'
import { invalidType, outOfRange } from './arguments'

/** A signal by both of its names. */
export interface Signal {
  readonly name: NodeJS.Signals
  readonly number: number
}

const NUMBERS = constants.signals as Readonly<Record<string, number>>

/** A signal given by its name ('SIGTERM') or number. Throws TypeError or RangeError for any other. */
export function checkSignal(argument: string, value: unknown): Signal {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw invalidType(argument, 'the name or the number of a signal', value)
  }
  // Where two names stand for one number, the first of them is the usual one.
  const found = Object.entries(NUMBERS).find((entry) => entry.includes(value))
  if (found === undefined) {
    throw outOfRange(argument, 'the name or the number of a signal of this platform', value)
  }
  return { name: found[0] as NodeJS.Signals, number: found[1] }
}

/** The number of a signal that Node reports by its name. */
export function signalNumber(name: NodeJS.Signals): number {
  return NUMBERS[name] as number
}
