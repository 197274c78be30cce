// Compiles the addon with node-gyp into build/Release/gyre.node (or another build root),
// incrementally: `node-gyp rebuild` would remove build/, where the compiled tests and examples are
// too. The output goes to a log, or to the terminal too where that is wanted.

import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { findNodeGyp, headersDirectory, missingTools } from './toolchain.mjs'

/** The platforms that binding.gyp has sources for. */
const PLATFORMS = ['linux']

/** Why nothing can be compiled here, as a clause; null if it can. */
export function reasonNotToCompile(root) {
  if (!PLATFORMS.includes(process.platform)) return `no native addon for ${process.platform} yet`
  const missing = missingTools()
  if (missing.length > 0) return `${missing.join(' and ')} not found`
  return findNodeGyp(root) === null ? 'node-gyp not found' : null
}

function nodeGypArguments(root) {
  const headers = headersDirectory()
  return [
    findNodeGyp(root),
    'configure',
    'build',
    `--jobs=${availableParallelism()}`,
    ...(headers === null ? [] : [`--nodedir=${headers}`]),
  ]
}

/**
 * Runs node-gyp in `root`. Returns whether it succeeded; its output is in `logPath` either way.
 * Requires that reasonNotToCompile() is null.
 */
export function compileAddon(root, { logPath, isVerbose = false, gypDefines = '' }) {
  const command = nodeGypArguments(root)
  const { status, error, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: root,
    // In the environment, since node-gyp hands what follows `--` to make as well.
    env: { ...process.env, GYP_DEFINES: gypDefines },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const output = `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`
  mkdirSync(dirname(logPath), { recursive: true })
  writeFileSync(logPath, output)
  if (isVerbose) process.stderr.write(output)
  return status === 0
}
