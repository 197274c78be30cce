// Records what CPython's asyncio makes of the machines of test/matrix: `npm run matrix:record`. Needs
// CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled tests. The tests compare
// with the record, without Python.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const { machines, SETTLING_TURNS } = await import('../build/test/matrix/machines.js')
const python = process.env.GYRE_PARITY_PYTHON ?? 'python3.13'

const { status, stdout, error } = spawnSync(python, [pathOf('../test/matrix/oracle.py')], {
  input: JSON.stringify({ machines, turns: SETTLING_TURNS }),
  encoding: 'utf8',
  stdio: ['pipe', 'pipe', 'inherit'],
  maxBuffer: 2 ** 26,
  timeout: 60_000,
})
if (error !== undefined || status !== 0) {
  console.error(`${python} failed: ${error?.message ?? `status ${status}`}`)
  process.exit(1)
}
const record = JSON.parse(stdout)
const path = pathOf('../test/matrix/asyncio/machines.json')
writeFileSync(path, `${JSON.stringify(record, null, 1)}\n`)
const cells = Object.values(record).flatMap((states) => Object.values(states).flatMap(Object.keys))
console.log(`Recorded ${cells.length} cells of ${Object.keys(record).length} machines.`)
