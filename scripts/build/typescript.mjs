// Compiles TypeScript with the repository's own tsc: the library (ts/ to build/library/, its types to
// dist/, where the bundle then comes) and the programs written with it (test/, examples/ and bench/ to
// build/). Does nothing where nothing has changed, and removes what was compiled from a source that is
// gone, lest it be packed or run.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { publicEntries, writeEsmEntries } from '../write-esm-entries.mjs'
import { bundleLibrary } from './bundle.mjs'
import { filesUnder, Stamp } from './stamp.mjs'

const PROGRAM_DIRECTORIES = ['test', 'examples', 'bench']
const COMPILED = /\.(d\.ts|js)(\.map)?$/

/** The path of tsc, or null where the development dependencies are not installed. */
export function findTypeScript(root) {
  try {
    return createRequire(join(root, 'package.json')).resolve('typescript/bin/tsc')
  } catch {
    return null
  }
}

function runTypeScript(root, project) {
  const tsc = findTypeScript(root)
  if (tsc === null) throw new Error('typescript is not installed here: run `npm install` first')
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`tsc -p ${project} failed`)
}

/** Removes compiled files under `output` whose source under `source` no longer exists. */
function prune(source, output) {
  for (const file of filesUnder([output])) {
    if (!COMPILED.test(file)) continue
    const stem = relative(output, file).replace(COMPILED, '')
    if (!existsSync(join(source, `${stem}.ts`))) rmSync(file)
  }
}

export async function buildLibrary(root) {
  const inputs = [
    'ts',
    'tsconfig.json',
    'scripts/write-esm-entries.mjs',
    'scripts/build',
    'package.json',
  ]
  const [library, dist] = [join(root, 'build/library'), join(root, 'dist')]
  const stamp = new Stamp(
    join(dist, '.stamp'),
    inputs.map((path) => join(root, path)),
  )
  if (stamp.isFresh()) return
  runTypeScript(root, 'tsconfig.json')
  prune(join(root, 'ts'), library)
  prune(join(root, 'ts'), dist)
  writeFileSync(join(library, 'package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  const entries = publicEntries(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
  await bundleLibrary(root, entries)
  writeEsmEntries(root)
  stamp.write()
}

/** Requires that the library is built: the programs are compiled from its declarations. */
export function buildPrograms(root) {
  const inputs = [...PROGRAM_DIRECTORIES, 'tsconfig.json', 'tsconfig.test.json', 'dist/.stamp']
  const stamp = new Stamp(
    join(root, 'build/test/.stamp'),
    inputs.map((path) => join(root, path)),
  )
  if (stamp.isFresh()) return
  runTypeScript(root, 'tsconfig.test.json')
  for (const directory of PROGRAM_DIRECTORIES) {
    prune(join(root, directory), join(root, 'build', directory))
  }
  stamp.write()
}
