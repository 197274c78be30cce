// Loading the file that a command is given, JavaScript or TypeScript, and the copy of Gyre that it uses.

import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError } from './usage'

const JAVASCRIPT = ['.js', '.mjs', '.cjs']
const TYPESCRIPT = ['.ts', '.mts', '.cts']

/** The absolute path of the file, made ready to be imported. Throws UsageError if it cannot be. */
export async function prepareFile(file: string): Promise<string> {
  const path = resolve(file)
  if (!existsSync(path) || !statSync(path).isFile())
    throw new UsageError(`there is no file ${file}`)
  const extension = extname(path)
  if (TYPESCRIPT.includes(extension)) await prepareTypeScript(path)
  else if (!JAVASCRIPT.includes(extension)) {
    throw new UsageError(`${file} is neither JavaScript nor TypeScript by its name`)
  }
  return path
}

/** What the file at `path` gets when it requires `entry` of Gyre; null if it has no Gyre at hand. */
export function entryFor(path: string, entry: string): unknown {
  try {
    return createRequire(path)(entry)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null
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
