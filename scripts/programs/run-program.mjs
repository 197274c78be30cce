// Builds the library, the addon and the programs as far as they are stale, and runs one of the
// programs. Nothing depends on npm's install scripts having run: newer versions of npm block them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { buildAddon } from '../build/addon.mjs'
import { buildLibrary, buildPrograms } from '../build/typescript.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const EXIT_CODE_OF_SIGNAL = 1

/** Resolves to the exit code of the program at `path` (relative to the repository). */
export async function runProgram(path, programArguments) {
  try {
    await buildLibrary(root)
    await buildAddon(root)
    buildPrograms(root)
  } catch (error) {
    console.error(`gyre: ${error.message}`)
    return 1
  }
  const flags = ['--expose-gc', '--enable-source-maps']
  const child = spawn(process.execPath, [...flags, path, ...programArguments], {
    cwd: root,
    stdio: 'inherit',
  })
  // The terminal sends Ctrl-C to both processes; this one stays to pass the program's exit code on.
  process.on('SIGINT', () => {})
  const [code] = await once(child, 'exit')
  return code ?? EXIT_CODE_OF_SIGNAL
}
