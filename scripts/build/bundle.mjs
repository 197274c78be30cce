// Puts the compiled modules of the library (build/library/) into one file, dist/bundle/gyre.js: Node
// takes about a quarter of a millisecond to find, read and wrap each module it loads, and there are
// nearly two hundred. Each module stays a function of its own in there, which runs when it is first
// required, so that what a program does not use is only read. Beside it, dist/ gets a file for each
// module that is loaded by its path, and build/internal/ one for every other, for tests.
//
// `__dirname` in a module is that of the bundle: as deep as the directories of ts/.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, posix, relative, sep } from 'node:path'
import { lazyModules } from './lazy.mjs'
import { filesUnder } from './stamp.mjs'

const BUNDLE = 'bundle/gyre.js'

/** The programs in dist/: what Node is started with, or a worker. Loading one runs it. */
const PROGRAMS = [
  'command/main',
  'command/worker',
  'executors/process_worker',
  'executors/thread_worker',
  'serve/worker_main',
]

/** The names of the compiled modules: paths without their extension, with slashes. */
function moduleNames(library) {
  return filesUnder([library])
    .filter((file) => file.endsWith('.js'))
    .map((file) => relative(library, file).slice(0, -'.js'.length).replaceAll(sep, '/'))
}

function entrySource(names) {
  const lines = names.map((name) => `  '${name}': () => require('./${name}.js'),`)
  return ['const modules = {', ...lines, '}', 'module.exports = (name) => modules[name]()'].join(
    '\n',
  )
}

/**
 * Puts each module into a function, where esbuild leaves its classes as they are. Those at the top of a
 * module it makes variables of, under another name where they name themselves.
 */
const keepClassNames = {
  name: 'keep class names',
  setup(build) {
    build.onLoad({ filter: /\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8').replace(/^#!.*/, '')
      return { contents: `(() => {${text}\n})()` }
    })
  },
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/**
 * In two statements: Node parses what `module.exports = require(…)` names, for its exports, before an
 * ES module may import it. That is the whole bundle.
 */
function writeByPath(dist, name) {
  const bundle = posix.relative(posix.dirname(name), BUNDLE)
  const specifier = bundle.startsWith('.') ? bundle : `./${bundle}`
  const lines = [
    ...(name === 'command/main' ? ['#!/usr/bin/env node'] : []),
    "'use strict'",
    `const load = require('${specifier}')`,
    `module.exports = load('${name}')`,
    '',
  ]
  write(join(dist, `${name}.js`), lines.join('\n'))
}

/** Removes what an earlier version of this file, or of the library, has left. */
function removeOthers(dist, kept) {
  const paths = new Set(kept.map((path) => join(dist, path)))
  for (const file of filesUnder([dist])) {
    if (/\.(js(\.map)?|tsbuildinfo)$/.test(file) && !paths.has(file.replace(/\.map$/, '')))
      rmSync(file)
  }
}

/** An ES module that has the module of the bundle, and not another copy. */
function writeInternal(internal, name, { load, bundle }) {
  const path = join(internal, `${name}.js`)
  const specifier = relative(dirname(path), bundle).replaceAll(sep, '/')
  const exported = Object.keys(load(name)).sort()
  const lines = exported.map((key) => `export const ${key} = entry.${key}`)
  write(
    path,
    [`import load from '${specifier}'`, `const entry = load('${name}')`, ...lines, ''].join('\n'),
  )
}

/** `entries` are the modules behind the paths of package.json's "exports". */
export async function bundleLibrary(root, entries) {
  const { build } = await import('esbuild')
  const [library, dist] = [join(root, 'build/library'), join(root, 'dist')]
  const bundle = join(dist, BUNDLE)
  const names = moduleNames(library)
  await build({
    stdin: { contents: entrySource(names), resolveDir: library, sourcefile: 'modules.js' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    external: ['*/package.json'],
    sourcemap: 'linked',
    outfile: bundle,
    logLevel: 'warning',
    plugins: [lazyModules(library), keepClassNames],
  })
  const byPath = [...entries, ...PROGRAMS]
  for (const name of byPath) writeByPath(dist, name)
  removeOthers(dist, [BUNDLE, ...byPath.map((name) => `${name}.js`)])
  const internal = join(root, 'build/internal')
  rmSync(internal, { recursive: true, force: true })
  write(join(internal, 'package.json'), '{ "type": "module" }\n')
  const load = createRequire(bundle)(bundle)
  for (const name of names) {
    if (!PROGRAMS.includes(name)) writeInternal(internal, name, { load, bundle })
  }
}
