// Runs a small program in a process of its own, on the backend that the test runs on, and says how it
// ended. The program is an ES module that may import 'gyre'.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { root } from '../packaging/repository.js'

const TIMEOUT_MS = 30_000

export interface Outcome {
  stdout: string
  stderr: string
  code: number | null
  signal: NodeJS.Signals | null
}

export interface ProgramOptions {
  /** Arguments for node. */
  flags?: readonly string[]
  /** A command of the shell that runs before the program, such as a limit. */
  prelude?: string
  /** Called whenever the program has printed, with all that it printed so far. */
  onPrinted?: (stdout: string, child: ChildProcess) => void
}

/** Runs `program` to its end. Rejects if it does not end in time. */
export async function runProgram(program: string, options: ProgramOptions = {}): Promise<Outcome> {
  const { flags = [], prelude, onPrinted } = options
  const node = [process.execPath, ...flags, '--input-type=module', '--eval', program]
  // Tests of the runner must not make the program report to it.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env
  const [command, ...rest] =
    prelude === undefined ? node : ['sh', '-c', `${prelude} && exec "$@"`, 'sh', ...node]
  const child = spawn(command as string, rest, {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const outcome: Outcome = { stdout: '', stderr: '', code: null, signal: null }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    outcome.stdout += text
    onPrinted?.(outcome.stdout, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    outcome.stderr += text
  })
  const [code, signal] = await once(child, 'close')
  if (signal === 'SIGKILL') {
    throw new Error(`the program did not end; it printed ${JSON.stringify(outcome)}`)
  }
  return { ...outcome, code, signal }
}
