// A child process that is asked with a line and answers with a line. Servers, load generators and
// micro-benchmarks all are such processes, in whatever language; what the lines mean is theirs.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export class LineProcess {
  private readonly child: ChildProcess
  private readonly answers: AsyncIterator<string>

  constructor(
    private readonly command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    const [program = '', ...rest] = command
    this.child = spawn(program, rest, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    })
    // A process that is gone is noticed by the answer that does not come.
    this.child.on('error', () => {})
    this.child.stdin?.on('error', () => {})
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })
    this.answers = lines[Symbol.asyncIterator]()
  }

  /** The next line. Throws if the process ends without one. */
  async answer(): Promise<string> {
    const { value, done } = await this.answers.next()
    if (done === true) throw new Error(`it ended unexpectedly: ${this.command.join(' ')}`)
    return value
  }

  async ask(question: string): Promise<string> {
    this.child.stdin?.write(`${question}\n`)
    return this.answer()
  }

  /** Ends a process that is too busy to see the end of its input. */
  kill(): void {
    this.child.kill('SIGKILL')
  }

  /** The process ends by itself when its input does. */
  close(): void {
    this.child.stdin?.end()
  }
}
