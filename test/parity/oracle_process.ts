// A process of oracle.py, which answers one line of JSON with another, in their order.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

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

export class OracleProcess implements AsyncDisposable {
  private readonly python: ChildProcess & { stdin: Writable; stdout: Readable }
  private readonly ended: Promise<unknown[]>
  private readonly answers: AsyncIterator<string>

  constructor(given: readonly string[]) {
    this.python = spawn(interpreter, [script, ...given], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.ended = once(this.python, 'close')
    this.answers = createInterface({ input: this.python.stdout })[Symbol.asyncIterator]()
  }

  async send(question: unknown): Promise<void> {
    const { stdin } = this.python
    if (!stdin.write(`${JSON.stringify(question)}\n`)) await once(stdin, 'drain')
  }

  async answer(): Promise<unknown> {
    const next = await this.answers.next()
    if (next.done === true) throw new Error('oracle.py has ended')
    return JSON.parse(next.value)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.python.stdin.end()
    await this.ended
  }
}
