// Looks for programs beyond the record that do something else under Gyre than CPython allows.
//
// Generator coroutines must do exactly what CPython does. Async functions may have another order of events
// within an instant, and with it another outcome: one that differs is legal if some order of CPython's has
// it, which guide.ts searches for. What it does not find is to be shrunk and read: a bug, or something
// about promises that oracle/perturbation.py does not know yet.

import { generate, generateFor } from './generate.js'
import { Guide, type Sought } from './guide.js'
import { generators } from './interpret.js'
import { asyncFunctions } from './interpret_async.js'
import { Oracle } from './oracle.js'
import type { Profile } from './profiles.js'
import type { Program } from './program.js'
import { isLike } from './projection.js'
import { differs } from './recording.js'
import { type Outcome, runProgram, type Style } from './run_program.js'
import { mixed } from './settled.js'
import { shrink } from './shrink.js'

/** The coroutines that `mixed` makes generators, as async functions, and the other way round. */
const mixedOtherwise: Style = {
  start: (env, instance) =>
    (instance.coro % 2 === 0 ? asyncFunctions : generators).start(env, instance),
  main: asyncFunctions.main,
}

export const styles: Readonly<Record<string, Style>> = {
  generators,
  async: asyncFunctions,
  mixed,
  mixedOtherwise,
}

export type Hunted = {
  program: Program
  /** A key of `styles`. */
  style: string
  /** What the guided search said; null where there is nothing to search for: no difference is legal. */
  sought: Sought | null
}

export class Hunt implements AsyncDisposable {
  private readonly oracle = new Oracle()
  private readonly guide = new Guide()
  /** How many outcomes were compared. */
  compared = 0

  /** @param runs the most that a search may take */
  constructor(private readonly runs: number) {}

  /** What differs from CPython's own order, explained or not; without a profile, each seed has its own. */
  async *differing(
    seeds: Iterable<number>,
    profile: Profile | null,
    styleNames: readonly string[],
  ): AsyncGenerator<Hunted> {
    for (const seed of seeds) {
      const program = profile === null ? generate(seed) : generateFor(profile, seed)
      const expected = await this.oracle.ask(program)
      for (const style of styleNames) {
        if (style !== 'generators' && givesTwice(program)) continue
        this.compared++
        const sought = await this.look(program, style, expected)
        if (sought !== 'alike') yield { program, style, sought }
      }
    }
  }

  /** A smaller program that still differs, and is not explained within `runs`. */
  shrink(program: Program, style: string): Promise<Program> {
    return shrink(program, async (smaller) => {
      const sought = await this.look(smaller, style, await this.oracle.ask(smaller))
      return sought !== 'alike' && (sought === null || sought.witness === null)
    })
  }

  /** CPython's outcome in its own order, and Gyre's. */
  async outcomes(program: Program, style: string): Promise<[Outcome, Outcome]> {
    return [await this.oracle.ask(program), await runProgram(program, styles[style] as Style)]
  }

  private async look(
    program: Program,
    style: string,
    expected: Outcome,
  ): Promise<Sought | null | 'alike'> {
    const actual = await runProgram(program, styles[style] as Style)
    if (style === 'generators') return differs(expected, actual) ? null : 'alike'
    if (isLike(expected, actual)) return 'alike'
    const sought = await this.guide.search(program, actual, this.runs)
    if (
      sought.witness !== null &&
      !isLike(await this.guide.replay(program, sought.witness), actual)
    ) {
      throw new Error(`the witness for seed ${program.seed}, ${style}, is none`)
    }
    return sought
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.oracle[Symbol.asyncDispose]()
    await this.guide[Symbol.asyncDispose]()
  }
}

/** An async function that is given twice runs twice, unlike a coroutine object. */
function givesTwice(program: Program): boolean {
  return JSON.stringify(program).includes('"again"')
}
