// gyre repl: Node's own REPL on the thread's loop, where lines may wait with `await` and `yield*`, after
// `python -m asyncio`. Lines run one after another; Ctrl-C cancels the one that is running.

import { homedir } from 'node:os'
import { join, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { type REPLServer, Recoverable, start } from 'node:repl'
import { Readable } from 'node:stream'
import { type RunningCodeOptions, runInThisContext, constants as vm } from 'node:vm'
import { backendInfo } from '../backend/select'
import { isCancelled } from '../errors/errors'
import * as gyre from '../index'
import type { CoroutineFunction } from '../task/coroutine'
import type { Task } from '../task/task'
import { type ReplSource, readSource } from './repl_source'
import { UsageError } from './usage'

const FILE_NAME = 'REPL'
const OWN_DIRECTORY = join(__dirname, '..') + sep
/** Raw terminals end lines with a carriage return. */
const AFTER_LINES = /(?<=[\r\n])/
const EXIT_INTERRUPTED = 130

type RunnableSource = Exclude<ReplSource, { kind: 'incomplete' }>
type Callback = (error: Error | null, result?: unknown) => void

/** Runs what was typed, on the thread's loop. */
class Evaluator {
  private running: Task<unknown> | null = null
  private wasInterrupted = false

  /** What the REPL's callback is to be told. Never rejects. */
  async evaluate(code: string): Promise<Parameters<Callback>> {
    try {
      const source = readSource(code)
      if (source.kind === 'incomplete') throw new Recoverable(source.error)
      // In a box, as a value that can be awaited would be.
      const [value] = await this.valueOf(source)
      return [null, value]
    } catch (error) {
      const isInterrupt = this.wasInterrupted && isCancelled(error)
      return [withoutMachinery(isInterrupt ? new gyre.KeyboardInterrupt() : error) as Error]
    } finally {
      this.wasInterrupted = false
    }
  }

  /** Cancels what runs. False if nothing does. */
  interrupt(): boolean {
    if (this.running === null) return false
    this.wasInterrupted = true
    this.running.cancel()
    return true
  }

  private async valueOf({ kind, code }: RunnableSource): Promise<[unknown]> {
    const value: unknown = runInThisContext(code, optionsFor(code))
    if (kind === 'script') return [value]
    const task = gyre.createTask(value as CoroutineFunction<[], unknown>)
    this.running = task
    try {
      return [await task]
    } finally {
      this.running = null
    }
  }
}

/**
 * `import()` finds modules from the working directory. Node calls that an experiment, and says so where it is
 * asked for; before 20.12 it is not there, and Node says that.
 */
function optionsFor(code: string): RunningCodeOptions {
  const options = { filename: FILE_NAME, displayErrors: false }
  const loader = (vm as Partial<typeof vm> | undefined)?.USE_MAIN_CONTEXT_DEFAULT_LOADER
  if (loader === undefined || !/\bimport\s*\(/.test(code)) return options
  return { ...options, importModuleDynamically: loader }
}

/** The innermost frames that are neither Node's nor Gyre's: the rest is how the REPL came to run them. */
function withoutMachinery(error: unknown): unknown {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return error
  const lines = error.stack.split('\n')
  const last = lines.findLastIndex((line) => !isOfMachinery(line))
  // One that is frozen stays as it is.
  Reflect.set(error, 'stack', lines.slice(0, last + 1).join('\n'))
  return error
}

function isOfMachinery(line: string): boolean {
  if (!line.startsWith('    at ')) return false
  return ['node:', OWN_DIRECTORY, '<anonymous>)'].some((place) => line.includes(place))
}

/**
 * What is typed, pasted or piped, one line at a time: a REPL that is given several at once runs the next
 * before the one before is over.
 */
function inputLines(): NodeJS.ReadableStream {
  const { stdin } = process
  if (!stdin.isTTY) {
    const lines = createInterface({ input: stdin })
    return Readable.from(map(lines, (line) => [`${line}\n`]))
  }
  stdin.setEncoding('utf8')
  const pieces = Readable.from(map(stdin, (keys: string) => keys.split(AFTER_LINES)))
  const setRawMode = (isRaw: boolean) => stdin.setRawMode(isRaw)
  return Object.assign(pieces, { isTTY: true, setRawMode })
}

async function* map<T>(source: AsyncIterable<T>, divide: (chunk: T) => string[]) {
  for await (const chunk of source) yield* divide(chunk)
}

export async function startRepl(words: readonly string[]): Promise<void> {
  if (words.length > 0) throw new UsageError(`gyre repl does not take ${words.join(' ')}`)
  const { name, poller, version } = backendInfo()
  console.log(`Gyre ${version} (${name}, ${poller}) on Node ${process.version}`)
  console.log('Use "await" or "yield*" directly. All of gyre is there by name, and as "gyre".')
  provideNames()
  const evaluator = new Evaluator()
  // Before the first prompt: Ctrl-C may follow it at once.
  process.on('SIGINT', () => {
    if (!evaluator.interrupt()) process.exit(EXIT_INTERRUPTED)
  })
  const idle = { until: Promise.resolve() }
  const server = start({
    prompt: '> ',
    useGlobal: true,
    terminal: process.stdin.isTTY && process.stdout.isTTY,
    input: inputLines(),
    output: process.stdout,
    eval: (code, _context, _file, done) => {
      idle.until = whileHeld(server, () => evaluator.evaluate(code), done)
    },
  })
  if (server.terminal) keepHistory(server)
  await new Promise<void>((resolve) => server.on('exit', resolve))
  await idle.until
  process.exit()
}

/**
 * Takes no input while `act` goes on, and until `done` has shown the outcome. A terminal is told to treat
 * Ctrl-C as ever meanwhile: as a signal, not as a key to be read.
 */
async function whileHeld(
  server: REPLServer,
  act: () => Promise<Parameters<Callback>>,
  done: Callback,
): Promise<void> {
  const { stdin } = process
  server.pause()
  if (server.terminal) stdin.setRawMode?.(false)
  const outcome = await act()
  if (server.terminal) stdin.setRawMode?.(true)
  done(...outcome)
  server.resume()
}

/** Every export as a name of the session; what Node itself calls so (Event) stays Node's. */
function provideNames(): void {
  for (const [name, value] of Object.entries({ ...gyre, gyre })) {
    if (name in globalThis) continue
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
}

function keepHistory(server: REPLServer): void {
  const path = process.env.GYRE_REPL_HISTORY ?? join(homedir(), '.gyre_repl_history')
  // Without a history, one can still work; Node says by itself what is wrong with the file.
  server.setupHistory(path, () => {})
}
