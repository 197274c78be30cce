// Checks that the C++ is formatted as .clang-format says; with --write, formats it.
// Versions of clang-format disagree in small things, so the one used is printed with a failure.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { filesUnder } from './build/stamp.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const isWriting = process.argv.includes('--write')
const files = filesUnder(['native']).filter((path) => /\.(h|cc)$/.test(path))

const clangFormat = (...options) =>
  spawnSync('clang-format', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const version = clangFormat('--version')
if (files.length === 0) process.exit(0)
if (version.status !== 0) {
  console.error(
    'gyre: clang-format was not found: install it (Debian: apt-get install clang-format)',
  )
  process.exit(1)
}
const mode = isWriting ? ['-i'] : ['--dry-run', '--Werror']
const { status } = clangFormat(...mode, ...files)
if (status !== 0) {
  console.error(`gyre: formatted with ${version.stdout.trim()}; \`npm run format\` formats`)
  process.exitCode = 1
}
