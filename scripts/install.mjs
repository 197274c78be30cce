// npm's `install` script: makes sure that a native binary is there, if this machine can have one. A
// prebuilt binary that loads is taken as it is; otherwise the addon is compiled. Where that cannot
// be, one line says why, and that the TypeScript fallback serves. It never fails: an installation
// without a compiler is a good one. Quiet unless GYRE_INSTALL_VERBOSE=1 or npm's loglevel is
// verbose; node-gyp's output is kept in build/install.log.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBinary, reasonNotLoadable } from './native/binary.mjs'
import { compileAddon, reasonNotToCompile } from './native/compile.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const logPath = join(root, 'build/install.log')
const FALLBACK_SERVES = 'the pure TypeScript fallback will be used'
const isVerbose =
  process.env.GYRE_INSTALL_VERBOSE === '1' ||
  ['verbose', 'silly'].includes(process.env.npm_config_loglevel)

/** Compiles, and returns null if the binary then loads; otherwise why there is none. */
function compile() {
  const obstacle = reasonNotToCompile(root)
  if (obstacle !== null) return obstacle
  if (!compileAddon(root, { logPath, isVerbose })) return `compiling it failed, see ${logPath}`
  const binary = findBinary(root)
  return binary === null ? 'the compiler left no binary' : reasonNotLoadable(binary)
}

function sayWhyNot(reason, consequence, remedy) {
  console.log(`gyre: no native addon (${reason}): ${consequence}; for the native one, ${remedy}.`)
}

function install() {
  const present = findBinary(root)
  if (present !== null && reasonNotLoadable(present) === null) return
  const reason = compile()
  if (reason === null) return
  const remedy = 'install a C++20 compiler, make and Python 3, then run `npm rebuild gyre`'
  const left = findBinary(root)
  const consequence =
    left === null
      ? FALLBACK_SERVES
      : `${left} does not load; set GYRE_BACKEND=fallback to do without`
  sayWhyNot(reason, consequence, remedy)
}

try {
  install()
} catch (error) {
  sayWhyNot(error.message, FALLBACK_SERVES, 'run `npm rebuild gyre`')
}
