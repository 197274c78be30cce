// The recorded traces of CPython: for every seed how long its trace is, how it ends and a hash of it; for
// some the whole trace, so that a difference can be read without Python.
//
// traces/digests.bin has 10 bytes a seed, from seed 0 on: 2 bytes (little-endian) with the number of
// lines, the end in the two highest bits; 8 bytes of the SHA-256 of the lines joined by newlines.
// traces/whole.json.gz is a JSON object from seeds to lines. traces/about.json says what made them.
// traces/settled.json lists the seeds whose programs depend on no order of events within an instant, of
// those that were asked (one in `settledEvery`): every perturbation of CPython's order left them alone.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { End, Outcome } from './run_program.js'

// From build/test/parity, where this file is compiled to, as from test/parity.
const folder = new URL('../../../test/parity/traces/', import.meta.url)
const entryBytes = 10
const endShift = 14
export const linesMax = (1 << endShift) - 1
const ends: readonly End[] = ['returned', 'deadlock', 'interrupt', 'hang']

/** One program in so many is recorded as a whole. */
const wholeEvery = 50

/** Of one program in so many it is recorded whether it is settled. */
export const settledEvery = 2

export type Digest = { lineCount: number; end: End; hash: string }

export type About = {
  /** The version of CPython. */
  python: string
  seedCount: number
}

function hashOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)
}

export class Recording {
  private constructor(
    readonly about: About,
    private readonly digests: Buffer,
    private readonly wholes: Readonly<{ [seed: string]: string[] }>,
  ) {}

  static read(): Recording {
    const about = JSON.parse(readFileSync(new URL('about.json', folder), 'utf8'))
    const digests = readFileSync(new URL('digests.bin', folder))
    const whole = gunzipSync(readFileSync(new URL('whole.json.gz', folder))).toString()
    return new Recording(about, digests, JSON.parse(whole))
  }

  digest(seed: number): Digest {
    const at = seed * entryBytes
    const word = this.digests.readUInt16LE(at)
    return {
      lineCount: word & linesMax,
      end: ends[word >> endShift] as End,
      hash: this.digests.toString('hex', at + 2, at + entryBytes),
    }
  }

  /** The recorded lines of this seed, if they were kept. */
  whole(seed: number): string[] | undefined {
    return this.wholes[seed]
  }
}

/** Writes the record; `traces` are those of seed 0 and on. */
export function writeRecord(python: string, traces: readonly Outcome[]): void {
  const digests = Buffer.alloc(traces.length * entryBytes)
  const whole: { [seed: string]: string[] } = {}
  traces.forEach(({ end, lines }, seed) => {
    if (lines.length > linesMax) throw new Error(`seed ${seed} has ${lines.length} lines`)
    const at = seed * entryBytes
    digests.writeUInt16LE(lines.length | (ends.indexOf(end) << endShift), at)
    digests.write(hashOf(lines), at + 2, 'hex')
    if (seed % wholeEvery === 0) whole[seed] = lines
  })
  const about: About = { python, seedCount: traces.length }
  writeFileSync(new URL('about.json', folder), `${JSON.stringify(about, null, 2)}\n`)
  writeFileSync(new URL('digests.bin', folder), digests)
  writeFileSync(new URL('whole.json.gz', folder), gzipSync(JSON.stringify(whole), { level: 9 }))
}

export function writeSettled(seeds: readonly number[]): void {
  writeFileSync(new URL('settled.json', folder), `${JSON.stringify(seeds)}\n`)
}

/** The seeds of programs that depend on no order of events within an instant. */
export function readSettled(): number[] {
  return JSON.parse(readFileSync(new URL('settled.json', folder), 'utf8'))
}

/** Gyre's lines without what happened after the moment at which CPython's trace ends. */
export function cutTo(expected: { end: End; lineCount: number }, actual: Outcome): string[] {
  return expected.end === 'returned' ? actual.lines : actual.lines.slice(0, expected.lineCount)
}

/** Whether the outcome is the recorded one. */
export function isAsRecorded(digest: Digest, outcome: Outcome): boolean {
  return endsAlike(digest.end, outcome.end) && hashOf(cutTo(digest, outcome)) === digest.hash
}

/** Whether Gyre's outcome is another than CPython's. */
export function differs(expected: Outcome, actual: Outcome): boolean {
  const lines = cutTo({ end: expected.end, lineCount: expected.lines.length }, actual)
  return !endsAlike(expected.end, actual.end) || lines.join('\n') !== expected.lines.join('\n')
}

/**
 * An interrupt while a deadlock is shut down comes too late for CPython's trace, but decides how the
 * program ends. Where CPython's shutdown hangs, Gyre's gives what cannot end up.
 */
export function endsAlike(expected: End, actual: End): boolean {
  if (expected === 'hang') return actual !== 'deadlock'
  return expected === actual || (expected === 'deadlock' && actual === 'interrupt')
}
