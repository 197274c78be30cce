// What CPython makes of random programs: needs CPython 3.13, and is not needed to check what is recorded.

import { OracleProcess } from './oracle_process.js'
import type { Program } from './program.js'
import type { Outcome } from './run_program.js'

/** One process of CPython that answers programs with outcomes, in their order. */
export class Oracle implements AsyncDisposable {
  private readonly process: OracleProcess

  /** @param perturbation a seed for delays that keep to no order (see oracle/perturbation.py) */
  constructor(perturbation: number | null = null) {
    const given = perturbation === null ? [] : ['--perturb', String(perturbation)]
    this.process = new OracleProcess(given)
  }

  async ask(program: Program): Promise<Outcome> {
    await this.process.send(program)
    return this.answer()
  }

  /** What CPython makes of the programs, in their order. */
  async askAll(programs: readonly Program[]): Promise<Outcome[]> {
    const sending = (async () => {
      for (const program of programs) await this.process.send(program)
    })()
    const outcomes: Outcome[] = []
    while (outcomes.length < programs.length) outcomes.push(await this.answer())
    await sending
    return outcomes
  }

  private async answer(): Promise<Outcome> {
    const { end, lines } = (await this.process.answer()) as Outcome
    return { end, lines }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]()
  }
}
