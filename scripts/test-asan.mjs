// `npm run test:asan`: the suite on the native backend, with the addon compiled under
// AddressSanitizer and UBSan. That addon is built in build-asan/, so that the release one stays;
// GYRE_PREBUILD is how node-gyp-build is told to look there. Node itself is not instrumented, so
// the sanitizer's library is preloaded. Arguments filter the test files; by default they are those in
// which the addon does something that it does not do elsewhere.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildLibrary, buildPrograms } from './build/typescript.mjs'
import { compileAddon, reasonNotToCompile } from './native/compile.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const directory = join(root, 'build-asan')

// Leaks are looked for by the native unit tests: Node does not free everything at its exit.
const ASAN_OPTIONS = 'detect_leaks=0:abort_on_error=1:alloc_dealloc_mismatch=0'
const UBSAN_OPTIONS = 'print_stacktrace=1:halt_on_error=1'

/**
 * Left out: what checks texts and packages, and what runs programs of other people (which would be
 * preloaded too) or processes of its own that do what the tests of the library do.
 */
const DIRECTORIES = [
  'backend/',
  'combine/',
  'future/',
  'lifetime/',
  'loop/',
  'matrix/',
  'net/',
  'node/',
  'parity/',
  'queues/',
  'run/',
  'semantics/',
  'sync/',
  'task/',
  'tls/',
]

function buildSanitizedAddon() {
  mkdirSync(directory, { recursive: true })
  for (const name of ['binding.gyp', 'native']) {
    const link = join(directory, name)
    if (!existsSync(link)) symlinkSync(join('..', name), link)
  }
  const obstacle = reasonNotToCompile(directory)
  if (obstacle !== null) throw new Error(`the addon cannot be compiled here: ${obstacle}`)
  const logPath = join(directory, 'native.log')
  if (compileAddon(directory, { logPath, gypDefines: 'gyre_sanitize=1' })) return
  process.stderr.write(readFileSync(logPath, 'utf8'))
  throw new Error('the sanitized addon does not compile')
}

function sanitizerLibrary() {
  const compiler = process.env.CXX ?? 'g++'
  const { stdout } = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' })
  return stdout.trim()
}

try {
  buildSanitizedAddon()
  await buildLibrary(root)
  buildPrograms(root)
  const runner = join(root, 'scripts/run-tests.mjs')
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : DIRECTORIES
  const { status } = spawnSync(process.execPath, [runner, '--backend=native', ...wanted], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ASAN_OPTIONS,
      UBSAN_OPTIONS,
      LD_PRELOAD: sanitizerLibrary(),
      GYRE_PREBUILD: directory,
    },
  })
  process.exitCode = status ?? 1
} catch (error) {
  console.error(`gyre: ${error.message}`)
  process.exitCode = 1
}
