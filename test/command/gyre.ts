// Runs the command `gyre` in a process of its own, and files for it in a directory that goes with the
// test.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { root } from '../packaging/repository.js'

const TIMEOUT_MS = 30_000
const path = join(root, 'dist/command/main.js')

export interface CommandEnd {
  stdout: string
  stderr: string
  /** null when a signal ended it. */
  code: number | null
}

export interface CommandOptions {
  input?: string
  cwd?: string
  /** On a terminal, made by `script`: keys go to it as input. */
  onTerminal?: boolean
  /** Called whenever it has printed, with all it printed so far. */
  onPrinted?: (stdout: string, child: ChildProcess) => void
}

export async function gyre(words: string[], options: CommandOptions = {}): Promise<CommandEnd> {
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env
  const plain = [process.execPath, path, ...words]
  const command = plain.map((word) => `'${word}'`).join(' ')
  const [program, ...args] = options.onTerminal
    ? ['script', '--quiet', '--return', '--command', command, '/dev/null']
    : plain
  const child = spawn(program as string, args, {
    cwd: options.cwd ?? root,
    env: { ...env, GYRE_REPL_HISTORY: '' },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const end: CommandEnd = { stdout: '', stderr: '', code: null }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    end.stdout += text
    options.onPrinted?.(end.stdout, child)
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    end.stderr += text
  })
  // A test that talks to it meanwhile ends its input itself.
  if (options.onPrinted === undefined) child.stdin.end(options.input ?? '')
  const [code] = await once(child, 'close')
  return { ...end, code }
}

/** Writes a file and gives its path. `gyre` can be imported there, unless it is to be `outside`. */
export function file(
  context: TestContext,
  name: string,
  text: string,
  place: 'inside' | 'outside' = 'inside',
): string {
  const parent = place === 'inside' ? join(root, 'build') : tmpdir()
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, 'command-'))
  context.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, name), text)
  return join(directory, name)
}
