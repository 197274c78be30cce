// What the bundle loads when it is first used, and not when the program starts: modules of Node's that
// cost up to two milliseconds each, and those of the library that few programs need. The sources import
// them as anything else; in the bundle they import a stand-in, whose exports are accessors that load
// the module. What extends a class of such a module, or calls it while it is itself loaded, loads it.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const LAZY_BUILTINS = [
  'child_process',
  'cluster',
  'crypto',
  'dgram',
  'dns/promises',
  'fs/promises',
  'net',
  'perf_hooks',
  'tls',
  'tty',
  'v8',
  'worker_threads',
]

/** Modules of ts/ that nobody imports for what loading them does: none adds methods to EventLoop. */
const LAZY_MODULES = [
  'backend/fallback',
  'backend/native',
  'bridge/transport_duplex',
  'executors/free_names',
  'executors/process_host',
  'executors/thread_host',
  'tls/handshake',
  'tls/tls_server',
]

const STAND_IN = 'stand-in'

function standIn(specifier, names) {
  const accessors = names.map((name) => `  get ${name}() { return load().${name} },`)
  return [
    'let loaded',
    `const load = () => (loaded ??= require(${JSON.stringify(specifier)}))`,
    'module.exports = {',
    '  __esModule: true,',
    ...accessors,
    '}',
  ].join('\n')
}

function standInForBuiltin(specifier) {
  const names = Object.keys(createRequire(import.meta.url)(specifier))
  return `${standIn(specifier, names).slice(0, -1)}  get default() { return load() },\n}`
}

/** Of a compiled module: tsc names its exports once each in `exports.name = `. */
function standInForModule(path) {
  const names = readFileSync(path, 'utf8').matchAll(/\bexports\.(\w+) = /g)
  return standIn(path, [...new Set(Array.from(names, ([, name]) => name))])
}

/** The plugin for esbuild. `library` is the directory of the compiled modules. */
export function lazyModules(library) {
  const lazyPaths = new Set(LAZY_MODULES.map((name) => join(library, `${name}.js`)))
  return {
    name: 'lazy modules',
    setup(build) {
      const builtins = new RegExp(`^node:(${LAZY_BUILTINS.join('|')})$`)
      build.onResolve({ filter: builtins }, ({ path, namespace }) =>
        namespace === STAND_IN ? { path, external: true } : { path, namespace: STAND_IN },
      )
      build.onResolve({ filter: /^\.|^\// }, ({ path, namespace, resolveDir, importer }) => {
        if (namespace === STAND_IN) return { path }
        const file = join(resolveDir, `${path.replace(/\.js$/, '')}.js`)
        if (importer.endsWith('modules.js') || !lazyPaths.has(file)) return undefined
        return { path: file, namespace: STAND_IN }
      })
      build.onLoad({ filter: /.*/, namespace: STAND_IN }, ({ path }) => ({
        contents: path.startsWith('node:') ? standInForBuiltin(path) : standInForModule(path),
        resolveDir: library,
      }))
    },
  }
}
