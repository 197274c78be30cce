// Finds the addon's binary as the library's loader does (node-gyp-build: first build/, then
// prebuilds/), and tries it. It is tried in a process of its own, since a binary for another C
// library can bring a process down.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The path of the binary for this platform, or null. */
export function findBinary(root) {
  const require = createRequire(join(root, 'package.json'))
  try {
    return require('node-gyp-build').resolve(root)
  } catch {
    return null
  }
}

/** Null if the binary loads; otherwise the first line of what went wrong. */
export function reasonNotLoadable(path) {
  const program = `require(${JSON.stringify(path)})`
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
  })
  if (status === 0) return null
  const error = stderr.split('\n').find((line) => /^\w*Error: /.test(line))
  return error ?? `loading it ended with ${signal ?? `exit code ${status}`}`
}
