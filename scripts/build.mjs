// Builds what is named: `ts` (the library), `native` (the addon), `programs` (tests, examples and
// benchmarks; they need `ts`). Does only what is stale. With --if-possible, a missing compiler is
// no error: npm runs `prepare` also where the development dependencies were left out.

import { fileURLToPath } from 'node:url'
import { buildLibrary, buildPrograms, findTypeScript } from './build/typescript.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const builders = {
  ts: () => buildLibrary(root),
  programs: () => buildPrograms(root),
  native: async () => {
    const { buildAddon } = await import('./build/addon.mjs')
    await buildAddon(root)
  },
}

const options = process.argv.slice(2)
const targets = options.filter((option) => !option.startsWith('--'))
const unknown = targets.filter((target) => !(target in builders))
if (targets.length === 0 || unknown.length > 0) {
  console.error(`usage: node scripts/build.mjs ${Object.keys(builders).join('|')} …`)
  process.exit(2)
}
if (options.includes('--if-possible') && findTypeScript(root) === null) {
  console.log('gyre: dist/ was not built, since typescript is not installed here')
  process.exit(0)
}
try {
  for (const target of targets) await builders[target]()
} catch (error) {
  console.error(`gyre: ${error.message}`)
  process.exit(1)
}
