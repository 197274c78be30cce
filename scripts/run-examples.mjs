// `npm run examples`: runs every program of examples/ on both backends. An example must end by
// itself, within its time, with exit code 0. Arguments filter the examples by parts of their names.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runExample } from '../build/test/examples/run_example.js'
import { testableBackends } from './tests/backends.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const nameParts = process.argv.slice(2)
const names = readdirSync(join(root, 'examples'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replace(/\.ts$/, ''))
  .filter((name) => nameParts.length === 0 || nameParts.some((part) => name.includes(part)))

/** Runs one example; null if all was well, otherwise what went wrong and what it printed. */
async function flawOf(name, backend) {
  const env = { ...process.env, GYRE_BACKEND: backend }
  const { code, signal, stdout, stderr } = await runExample(name, env)
  return code === 0 ? null : `${signal ?? code}\n${stdout}${stderr}`
}

let failed = 0
for (const backend of testableBackends()) {
  for (const name of names) {
    const startedAtMs = performance.now()
    const flaw = await flawOf(name, backend)
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
    console.log(`${flaw === null ? 'ok    ' : 'FAILED'} ${backend} ${name} (${seconds} s)`)
    if (flaw !== null) console.log(flaw)
    failed += flaw === null ? 0 : 1
  }
}
process.exitCode = failed === 0 && names.length > 0 ? 0 : 1
