// gyre run: the default export of a file, run by `run`.
//
// The file imports its own copy of Gyre, which need not be the one that this command belongs to; a
// coroutine runs only on a loop of its own copy, so `run` is taken from there.

import { pathToFileURL } from 'node:url'
import { run as ownRun } from '../run/runner'
import type { CoroutineFunction } from '../task/coroutine'
import { entryFor, prepareFile } from './prepare_file'
import { UsageError } from './usage'

type Run = typeof ownRun
type Main = CoroutineFunction<string[], unknown>

export async function runFile(words: readonly string[]): Promise<void> {
  const [file, ...rest] = words
  if (file === undefined) throw new UsageError('gyre run needs a file')
  const path = await prepareFile(file)
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

/** A file that has no Gyre at hand uses none of its own. */
function runOf(path: string): Run {
  return (entryFor(path, 'gyre') as { run: Run } | null)?.run ?? ownRun
}
