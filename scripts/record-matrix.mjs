// Records what CPython's asyncio makes of the machines and of the TLS transport of test/matrix: `npm run
// matrix:record`. Needs CPython 3.13 (python3.13, or what GYRE_PARITY_PYTHON names) and the compiled
// tests. The tests compare with the record, without Python.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const pathOf = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const { machines, SETTLING_TURNS } = await import('../build/test/matrix/machines.js')
const python = process.env.GYRE_PARITY_PYTHON ?? 'python3.13'

/** What the program prints, as JSON. */
function asked(program, args, input) {
  const { status, stdout, error } = spawnSync(python, [pathOf(program), ...args], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
    timeout: 60_000,
  })
  if (error !== undefined || status !== 0) {
    console.error(`${python} failed: ${error?.message ?? `status ${status}`}`)
    process.exit(1)
  }
  return JSON.parse(stdout)
}

function keep(name, record) {
  const path = pathOf(`../test/matrix/asyncio/${name}.json`)
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`)
  const subjects = Object.values(record)
  const cells = subjects.flatMap((states) => Object.values(states).flatMap(Object.keys))
  console.log(`Recorded ${cells.length} cells of ${name}.`)
}

const input = JSON.stringify({ machines, turns: SETTLING_TURNS })
keep('machines', asked('../test/matrix/oracle.py', [], input))
keep('tls', asked('../test/matrix/tls_oracle.py', [pathOf('../test/tls/certificates')], ''))
