#!/usr/bin/env node
// The command `gyre`: finds out what is wanted, and how that went.
//
// Options stand before the file of `gyre run`; what stands behind it is the program's own.

import { inspect } from 'node:util'
import { backendInfo } from '../backend/select'
import { KeyboardInterrupt, SystemExit } from '../errors/errors'
import { printInfo } from './info'
import { startRepl } from './repl'
import { runFile } from './run_file'
import { USAGE, UsageError } from './usage'
import { startWorker } from './worker'

const ExitCode = { OK: 0, FAILED: 1, USAGE: 2, INTERRUPTED: 130 } as const

const COMMANDS: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
  info: printInfo,
  repl: startRepl,
  run: runFile,
  worker: startWorker,
}

/** Takes the options off the front. Those that need no command are answered: true. */
function takeOptions(words: string[]): boolean {
  while (words[0]?.startsWith('-')) {
    const [name, value] = splitOption(words.shift() as string)
    if (name === '--help' || name === '-h') return say(USAGE)
    if (name === '--version' || name === '-v') return say(`${backendInfo().version}\n`)
    if (name === '--debug') process.env.GYRE_DEBUG = '1'
    else if (name === '--backend') process.env.GYRE_BACKEND = backendNamed(value ?? words.shift())
    else throw new UsageError(`unknown option ${name}`)
  }
  return false
}

function splitOption(word: string): [name: string, value: string | undefined] {
  const [name, value] = word.split(/=(.*)/s, 2) as [string, string | undefined]
  return [name, value]
}

function backendNamed(value: string | undefined): string {
  if (value === 'native' || value === 'fallback') return value
  throw new UsageError(`--backend must be native or fallback, not ${value ?? 'nothing'}`)
}

function say(text: string): true {
  process.stdout.write(text)
  return true
}

async function execute(words: string[]): Promise<void> {
  if (takeOptions(words)) return
  const name = words.shift()
  if (name === undefined) throw new UsageError('a command is needed', USAGE.trimEnd())
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw new UsageError(`unknown command ${name}`)
  if (name !== 'info' && takeOptions(words)) return
  await command(words)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`gyre: ${error.message}\n\n${error.help}`)
    return ExitCode.USAGE
  }
  // These may come from the program's own copy of Gyre, so they are told by their codes.
  const { code, exitCode } = Object(error) as { code?: unknown; exitCode?: unknown }
  if (code === new SystemExit().code && typeof exitCode === 'number') return exitCode
  if (code === new KeyboardInterrupt().code) {
    console.error('KeyboardInterrupt')
    return ExitCode.INTERRUPTED
  }
  console.error(error instanceof Error ? inspect(error) : `Uncaught ${inspect(error)}`)
  return ExitCode.FAILED
}

execute(process.argv.slice(2)).catch((error) => {
  process.exitCode = exitCodeOf(error)
})
