// Runs oracle.py: needs CPython 3.13, and is not needed to check what is recorded.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Program } from './program.js'
import type { Outcome } from './run_program.js'

const script = fileURLToPath(new URL('../../../test/parity/oracle.py', import.meta.url))
const interpreter = process.env.GYRE_PARITY_PYTHON ?? 'python3.13'

/** The version of the interpreter, or null where there is no CPython 3.13. */
export function oracleVersion(): string | null {
  const code = 'import platform as p; print(p.python_implementation(), p.python_version())'
  const { stdout } = spawnSync(interpreter, ['-c', code], { encoding: 'utf8' })
  const [implementation, version] = (stdout ?? '').trim().split(' ')
  const fits = implementation === 'CPython' && version !== undefined && /^3\.13\./.test(version)
  return fits ? version : null
}

/** One process of CPython that answers programs with outcomes, in their order. */
export class Oracle implements AsyncDisposable {
  private readonly python: ChildProcess & { stdin: Writable; stdout: Readable }
  private readonly ended: Promise<unknown[]>
  private readonly answers: AsyncIterator<string>

  /** @param perturbation a seed for delays that keep to no order (see oracle/perturbation.py) */
  constructor(perturbation: number | null = null) {
    const given = perturbation === null ? [] : ['--perturb', String(perturbation)]
    this.python = spawn(interpreter, [script, ...given], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.ended = once(this.python, 'close')
    this.answers = createInterface({ input: this.python.stdout })[Symbol.asyncIterator]()
  }

  async ask(program: Program): Promise<Outcome> {
    await this.send(program)
    return this.answer()
  }

  /** What CPython makes of the programs, in their order. */
  async askAll(programs: readonly Program[]): Promise<Outcome[]> {
    const sending = (async () => {
      for (const program of programs) await this.send(program)
    })()
    const outcomes: Outcome[] = []
    while (outcomes.length < programs.length) outcomes.push(await this.answer())
    await sending
    return outcomes
  }

  private async send(program: Program): Promise<void> {
    const { stdin } = this.python
    if (!stdin.write(`${JSON.stringify(program)}\n`)) await once(stdin, 'drain')
  }

  private async answer(): Promise<Outcome> {
    const next = await this.answers.next()
    if (next.done === true) throw new Error('oracle.py has ended')
    const { end, lines } = JSON.parse(next.value) as Outcome
    return { end, lines }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.python.stdin.end()
    await this.ended
  }
}
