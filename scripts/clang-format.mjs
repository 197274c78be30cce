// Checks that the C++ is formatted as .clang-format says; with --write, formats it.
// Versions of clang-format disagree in small things, so the one of the development dependencies is
// used; where it has no binary for the platform, the machine's own.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { filesUnder } from './build/stamp.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const isWriting = process.argv.includes('--write')
const files = filesUnder(['native']).filter((path) => /\.(h|cc)$/.test(path))

const pinned = `node_modules/clang-format/bin/${process.platform}_${process.arch}/clang-format`
const executable = existsSync(pinned) ? pinned : 'clang-format'
const clangFormat = (...options) =>
  spawnSync(executable, options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

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
