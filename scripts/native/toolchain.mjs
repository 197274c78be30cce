// Finds what compiling the addon takes: node-gyp, the tools it calls, and Node's headers.
// Reports what is missing instead of failing. Compiles nothing itself.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, isAbsolute, join } from 'node:path'

const windows = process.platform === 'win32'

/** The full path of a command on PATH, or null. */
function findCommand(command) {
  if (isAbsolute(command)) return existsSync(command) ? command : null
  const extensions = windows ? ['.exe', '.cmd', '.bat'] : ['']
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const extension of extensions) {
      const path = join(directory, command + extension)
      if (directory !== '' && existsSync(path)) return path
    }
  }
  return null
}

function firstOf(commands) {
  const wanted = commands.filter((command) => command !== undefined && command !== '')
  return wanted.some((command) => findCommand(command.split(' ')[0]) !== null)
}

/**
 * The names of the tools that node-gyp would call and that are not here; empty if it can compile.
 * On Windows node-gyp looks for Visual Studio by means of its own, so nothing is asked there.
 */
export function missingTools() {
  if (windows) return []
  const { CXX, MAKE, PYTHON, npm_config_python } = process.env
  const needed = {
    'a C++ compiler': CXX ? [CXX] : ['c++', 'g++', 'clang++'],
    make: MAKE ? [MAKE] : ['make', 'gmake'],
    'python 3': [npm_config_python, PYTHON, 'python3', 'python'],
  }
  return Object.keys(needed).filter((tool) => !firstOf(needed[tool]))
}

/** The node-gyp to run: the package's own, npm's choice, or the one inside npm; null if none. */
export function findNodeGyp(root) {
  const candidates = []
  try {
    const require = createRequire(join(root, 'package.json'))
    candidates.push(require.resolve('node-gyp/bin/node-gyp.js'))
  } catch {
    // Where Gyre is a dependency, its development dependencies are not installed.
  }
  const { npm_config_node_gyp, npm_execpath } = process.env
  if (npm_config_node_gyp) candidates.push(npm_config_node_gyp)
  const bundled = 'node_modules/node-gyp/bin/node-gyp.js'
  if (npm_execpath) candidates.push(join(dirname(npm_execpath), '..', bundled))
  const prefix = dirname(process.execPath)
  candidates.push(join(prefix, windows ? '.' : '../lib', 'node_modules/npm', bundled))
  candidates.push(join(prefix, '../share/nodejs/npm', bundled))
  return candidates.find((path) => existsSync(path)) ?? null
}

/**
 * The directory to give as --nodedir: the one configured, or the one Node was installed to if it
 * holds the headers of this very version; null lets node-gyp download them.
 */
export function headersDirectory() {
  const { npm_config_nodedir } = process.env
  if (npm_config_nodedir) return npm_config_nodedir
  const prefix = join(dirname(process.execPath), '..')
  const version = join(prefix, 'include/node/node_version.h')
  if (!existsSync(version)) return null
  const text = readFileSync(version, 'utf8')
  const field = (name) => text.match(new RegExp(`#define NODE_${name}_VERSION (\\d+)`))?.[1]
  const found = `${field('MAJOR')}.${field('MINOR')}.${field('PATCH')}`
  return found === process.versions.node ? prefix : null
}
