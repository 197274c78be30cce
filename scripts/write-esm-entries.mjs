// Writes the ES module entries of the package: for each public entry dist/x.js (CommonJS) a thin
// dist/x.mjs that re-exports its names one by one, and dist/x.d.mts for its types.
// The wrappers hold no state, so that `import` and `require` give the same classes and the same
// loops. The names are those the compiled module really has; a test compares the two.

import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The public entries: the module names behind the paths in package.json's "exports". */
export function publicEntries(packageJson) {
  const targets = Object.values(packageJson.exports).filter((target) => typeof target === 'object')
  return targets.map((target) => target.import.default.replace(/^\.\/dist\/|\.mjs$/g, ''))
}

function wrapper(entry, names) {
  const lines = names.map((name) => `export const ${name} = entry.${name}`)
  return [`import entry from './${entry}.js'`, ...lines, ''].join('\n')
}

export function writeEsmEntries(root) {
  const require = createRequire(join(root, 'package.json'))
  for (const entry of publicEntries(require('./package.json'))) {
    const compiled = join(root, 'dist', `${entry}.js`)
    if (!existsSync(compiled)) continue
    const names = Object.keys(require(compiled)).sort()
    writeFileSync(join(root, 'dist', `${entry}.mjs`), wrapper(entry, names))
    writeFileSync(join(root, 'dist', `${entry}.d.mts`), `export * from './${entry}.js'\n`)
  }
}
