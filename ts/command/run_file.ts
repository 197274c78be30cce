// gyre run: the default export of a file, run by `run`.
//
// The file imports its own copy of Gyre, which need not be the one that this command belongs to; a
// coroutine runs only on a loop of its own copy, so `run` is taken from there.

import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { run as ownRun } from '../run/runner'
import type { CoroutineFunction } from '../task/coroutine'
import { UsageError } from './usage'

type Run = typeof ownRun
type Main = CoroutineFunction<string[], unknown>

const JAVASCRIPT = ['.js', '.mjs', '.cjs']
const TYPESCRIPT = ['.ts', '.mts', '.cts']

export async function runFile(words: readonly string[]): Promise<void> {
  const [file, ...rest] = words
  if (file === undefined) throw new UsageError('gyre run needs a file')
  const path = resolve(file)
  if (!existsSync(path) || !statSync(path).isFile())
    throw new UsageError(`there is no file ${file}`)
  const extension = extname(path)
  if (TYPESCRIPT.includes(extension)) await prepareTypeScript(path)
  else if (!JAVASCRIPT.includes(extension)) {
    throw new UsageError(`${file} is neither JavaScript nor TypeScript by its name`)
  }
  process.argv.splice(1, process.argv.length, path, ...rest)
  const main = mainOf(await import(pathToFileURL(path).href))
  if (main === null) {
    throw new UsageError(`${file} has no function as its default export: nothing to run`)
  }
  await runOf(path)(() => main(...rest))
}

/** A CommonJS module that was compiled from `export default` has it one level deeper. */
function mainOf(module: { default?: unknown }): Main | null {
  const main = module.default
  if (typeof main === 'function') return main as Main
  const inner = (main as { default?: unknown } | null | undefined)?.default
  return typeof inner === 'function' ? (inner as Main) : null
}

function runOf(path: string): Run {
  try {
    return (createRequire(path)('gyre') as { run: Run }).run
  } catch (error) {
    // A file that has no Gyre at hand uses none of its own.
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return ownRun
    throw error
  }
}

/** Node strips types by itself from 22.18 on; before that, tsx does it, where the program has it. */
async function prepareTypeScript(path: string): Promise<void> {
  const { typescript } = process.features as { typescript?: string | false }
  if (typeof typescript === 'string') return
  let tsx: string
  try {
    tsx = createRequire(path).resolve('tsx')
  } catch {
    throw new UsageError(
      `Node ${process.version} cannot run TypeScript by itself: use Node 22.18 or newer, ` +
        `or install tsx in ${dirname(path)} or above it (npm install --save-dev tsx)`,
    )
  }
  // As `node --import tsx` does.
  await import(pathToFileURL(tsx).href)
}
