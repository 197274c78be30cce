// Which backends the suite can run on here. The fallback always; the native one if the library
// itself says so in a fresh process. Never takes one for the other: a machine that could compile
// the addon and has none is an error.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { reasonNotToCompile } from '../native/compile.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const QUESTION = `import { backendInfo } from 'gyre'
console.log(JSON.stringify(backendInfo()))`

/** What backendInfo() says under GYRE_BACKEND=name: { name, poller, reason? }, or { error }. */
export function askBackend(name) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', QUESTION],
    { cwd: root, encoding: 'utf8', env: { ...process.env, GYRE_BACKEND: name } },
  )
  if (status === 0) return JSON.parse(stdout)
  const lines = stderr.split('\n')
  return { error: lines.find((line) => /^\w*Error\b/.test(line)) ?? stderr.trim() }
}

/**
 * The backends to test: those wanted, or both. Prints loudly where only the fallback can be tested,
 * and throws where native is missing although this machine could have it, or was asked for by name.
 */
export function testableBackends(wanted) {
  const names = wanted === undefined ? ['native', 'fallback'] : [wanted]
  if (!names.includes('native')) return names
  const native = askBackend('native')
  if (native.name === 'native') return names
  const reason = native.error ?? native.reason
  const obstacle = reasonNotToCompile(root)
  if (obstacle === null || wanted === 'native') {
    throw new Error(`the native backend is not available: ${reason}`)
  }
  console.log(`*** ONLY THE FALLBACK IS TESTED: no native addon here (${obstacle}). ${reason} ***`)
  return ['fallback']
}
