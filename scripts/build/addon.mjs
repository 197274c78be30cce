// Builds the addon for work in a clone: compiles if a source has changed since the last time, even
// where a prebuilt binary would fit. A failed compilation is an error here; a machine that cannot
// compile gets one line, and goes on with the fallback.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileAddon, reasonNotToCompile } from '../native/compile.mjs'
import { Stamp } from './stamp.mjs'

/** Compiles build/Release/gyre.node unless it is fresh. Throws if the compiler does not take it. */
export function buildAddon(root) {
  if (!existsSync(join(root, 'binding.gyp'))) return
  const release = join(root, 'build/Release')
  const inputs = ['binding.gyp', 'native/core', 'native/binding']
  const stamp = new Stamp(
    join(release, '.stamp'),
    inputs.map((path) => join(root, path)),
    `${process.platform}-${process.arch}`,
  )
  if (stamp.isFresh() && existsSync(join(release, 'gyre.node'))) return
  const obstacle = reasonNotToCompile(root)
  if (obstacle !== null) {
    console.log(`gyre: the native addon was not compiled (${obstacle}): the fallback will be used`)
    return
  }
  const logPath = join(root, 'build/native.log')
  if (!compileAddon(root, { logPath })) {
    process.stderr.write(readFileSync(logPath, 'utf8'))
    throw new Error('the native addon does not compile')
  }
  stamp.write()
}
