#!/usr/bin/env node
// The command `gyre`: finds out what is wanted, and how that went.
//
// Options stand before the file of `gyre run`; what stands behind it is the program's own. The other commands
// have them anywhere, among those of their own.

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

type Answer = (() => void) | null

/** Takes the options off the front, and gives the answer to those that need no command. */
function takeLeadingOptions(words: string[]): Answer {
  let answer: Answer = null
  while (words[0]?.startsWith('-') && answer === null) {
    const word = words[0]
    const found = takeOption(words)
    if (found === undefined) throw new UsageError(`unknown option ${splitOption(word)[0]}`)
    answer = found
  }
  return answer
}

/** Takes the options wherever they stand; others are left to the command. */
function takeAllOptions(words: string[]): Answer {
  const others: string[] = []
  let answer: Answer = null
  while (words.length > 0) {
    const found = takeOption(words)
    if (found === undefined) others.push(words.shift() as string)
    else answer ??= found
  }
  words.push(...others)
  return answer
}

/** Takes one off the front and does what it says; undefined if there is none. */
function takeOption(words: string[]): Answer | undefined {
  const [name, value] = splitOption(words[0] as string)
  switch (name) {
    case '--help':
    case '-h':
      words.shift()
      return () => process.stdout.write(USAGE)
    case '--version':
    case '-v':
      words.shift()
      return () => process.stdout.write(`${backendInfo().version}\n`)
    case '--debug':
      words.shift()
      process.env.GYRE_DEBUG = '1'
      return null
    case '--backend':
      words.shift()
      process.env.GYRE_BACKEND = backendNamed(value ?? words.shift())
      return null
    default:
      return undefined
  }
}

function splitOption(word: string): [name: string, value: string | undefined] {
  const [name, value] = word.split(/=(.*)/s, 2) as [string, string | undefined]
  return [name, value]
}

function backendNamed(value: string | undefined): string {
  if (value === 'native' || value === 'fallback') return value
  throw new UsageError(`--backend must be native or fallback, not ${value ?? 'nothing'}`)
}

async function execute(words: string[]): Promise<void> {
  const early = takeLeadingOptions(words)
  if (early !== null) return early()
  const name = words.shift()
  if (name === undefined) throw new UsageError('a command is needed', USAGE.trimEnd())
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw new UsageError(`unknown command ${name}`)
  const answer = name === 'run' ? takeLeadingOptions(words) : takeAllOptions(words)
  if (answer !== null) return answer()
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

/** Only Node knows where the mistake is in a file that V8 could not read, and tells it when it dies of it. */
function isFromUnreadFile(error: unknown): boolean {
  if (!(error instanceof SyntaxError)) return false
  const frames = String(error.stack).split('\n').slice(1)
  return frames.every((frame) => frame.includes('node:'))
}

execute(process.argv.slice(2)).catch((error) => {
  if (isFromUnreadFile(error)) {
    queueMicrotask(() => {
      throw error
    })
    return
  }
  const exitCode = exitCodeOf(error)
  // What failed does not go on, whatever it left open; but warnings are still on their way.
  setImmediate(() => process.exit(exitCode))
})
