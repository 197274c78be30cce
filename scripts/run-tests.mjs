// Runs the suite, build/test/**/*.test.js, on the native backend and then on the fallback, each
// file in a process of its own. Arguments filter the files by parts of their names;
// --backend=native runs only that one. Ends with the line `N passed, N failed`, the sum over the
// backends. The exit code is 1 if a test failed or none ran.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesUnder } from './build/stamp.mjs'
import { testableBackends } from './tests/backends.mjs'
import { runTestFile } from './tests/run-file.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const concurrency = Number(process.env.GYRE_TEST_CONCURRENCY ?? 2)
const timeoutMs = Number(process.env.GYRE_TEST_TIMEOUT_MS ?? 180_000)

const options = process.argv.slice(2)
const backendWanted = options.find((option) => option.startsWith('--backend='))?.split('=')[1]
const nameParts = options.filter((option) => !option.startsWith('--'))

/** The test files by their sources, so that what is left of a removed one is never run. */
function testNames() {
  const sources = filesUnder([join(root, 'test')]).filter((path) => path.endsWith('.test.ts'))
  const names = sources.map((path) => relative(join(root, 'test'), path).replace(/\.ts$/, ''))
  if (nameParts.length === 0) return names
  return names.filter((name) => nameParts.some((part) => name.includes(part)))
}

class Tally {
  passed = 0
  failed = 0
  skipped = 0

  add(other) {
    for (const outcome of ['passed', 'failed', 'skipped']) this[outcome] += other[outcome]
  }

  toString() {
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : ''
    return `${this.passed} passed, ${this.failed} failed${skipped}`
  }
}

const indent = (text) => text.trimEnd().replace(/^/gm, '    ')

/** Prints what failed in one file, and what the file printed, which often says why. */
function printFailures(backend, name, { results, output }) {
  const failures = results.filter(({ outcome }) => outcome === 'failed')
  for (const failure of failures) {
    console.log(`\nFAILED on ${backend}: ${name}: ${failure.name}\n${indent(failure.error)}`)
  }
  if (failures.length > 0 && output.trim() !== '') {
    console.log(`\n  ${name} printed:\n${indent(output.slice(-8_000))}`)
  }
}

async function runBackend(backend, names, directory) {
  const tally = new Tally()
  const waiting = [...names]
  const startedAtMs = performance.now()
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const reportPath = join(directory, `${backend}-${name.replaceAll(/[\\/]/g, '-')}.jsonl`)
      const path = join(root, 'build/test', `${name}.js`)
      const env = { GYRE_BACKEND: backend }
      const run = await runTestFile(path, { env, reportPath, timeoutMs })
      for (const { outcome } of run.results) tally[outcome] += 1
      printFailures(backend, name, run)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
  console.log(`${backend.padEnd(8)} ${tally} (${names.length} files, ${seconds} s)`)
  return tally
}

async function main() {
  const names = testNames()
  const total = new Tally()
  const directory = mkdtempSync(join(tmpdir(), 'gyre-tests-'))
  try {
    for (const backend of testableBackends(backendWanted)) {
      total.add(await runBackend(backend, names, directory))
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
  if (total.passed + total.failed === 0) console.log('no test ran')
  console.log(`${total}`)
  return total.failed === 0 && total.passed > 0
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error(`gyre: ${error.message}`)
  console.log('0 passed, 1 failed')
  process.exitCode = 1
}
