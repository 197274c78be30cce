// The repository as the packaging tests see it: its root, and its source files as text.
// Compiled tests run from build/, so paths are found through the package's own name.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export const root = dirname(createRequire(import.meta.url).resolve('gyre/package.json'))

/** Paths below the root, with slashes, of the files in `directory` with one of the extensions. */
export function sourceFiles(directory: string, extensions: readonly string[]): string[] {
  const found: string[] = []
  const visit = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const child = `${path}/${name}`
      if (statSync(join(root, child)).isDirectory()) visit(child)
      else if (extensions.some((extension) => name.endsWith(extension))) found.push(child)
    }
  }
  if (readdirSync(root).includes(directory.split('/')[0] ?? directory)) visit(directory)
  return found
}

export function readSource(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}
