// Asks CPython for an order of events within the instants that leads to a given outcome of a program
// (oracle/guided_search.py). Where there is one, the outcome is legal.

import { OracleProcess } from './oracle_process.js'
import type { Program } from './program.js'
import type { Outcome } from './run_program.js'

/** The decisions of a perturbed run, of which oracle/draws.py knows what they mean. */
export type Witness = { seed: number; changes: unknown[] }

export type Sought = {
  /** The run that has the outcome, or null: none was found. */
  witness: Witness | null
  /** How many runs it took. */
  runs: number
  /** How many lines of the outcome the best run had before it departed. */
  matched: number
  /** The line of CPython's with which that run departed; null: it had ended, in another way. */
  departed: string | null
}

export class Guide implements AsyncDisposable {
  private readonly process = new OracleProcess(['--guide'])

  /** At most so many runs; `seed` is that of the search's own decisions. */
  async search(program: Program, outcome: Outcome, runs: number, seed = 1): Promise<Sought> {
    await this.process.send({ program, outcome, runs, seed })
    return (await this.process.answer()) as Sought
  }

  /** Runs what was found again. */
  async replay(program: Program, witness: Witness): Promise<Outcome> {
    await this.process.send({ program, witness })
    const { end, lines } = (await this.process.answer()) as Outcome
    return { end, lines }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]()
  }
}
