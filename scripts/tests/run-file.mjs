// Runs one compiled test file in a process of its own, and tells how its tests ended. What ends the
// process otherwise (a crash, an exit code without a failed test, no test at all, no end in time)
// is a failed test too.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const reporter = new URL('reporter.mjs', import.meta.url).href
const root = fileURLToPath(new URL('../..', import.meta.url))

function readResults(path) {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  // The last line of a process that was killed may be cut short.
  return lines.flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []))
}

/** Why the process itself counts as failed, given its tests' results; null if it does not. */
function processFailure({ code, signal, isLate, timeoutMs }, results) {
  if (isLate) return `did not end within ${timeoutMs / 1000} s: something kept its loop alive`
  if (signal !== null) return `was ended by ${signal}`
  if (results.length === 0) return `ran no test (exit code ${code})`
  const hasFailed = results.some(({ outcome }) => outcome === 'failed')
  return code !== 0 && !hasFailed ? `ended with exit code ${code}` : null
}

/** Resolves to { results: [{ outcome, name, error }], output }, whatever the file does. */
export async function runTestFile(path, { env, reportPath, timeoutMs }) {
  const flags = ['--expose-gc', '--enable-source-maps']
  const reporting = [`--test-reporter=${reporter}`, `--test-reporter-destination=${reportPath}`]
  const child = spawn(process.execPath, [...flags, ...reporting, path], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeoutMs)
  const [code, signal] = await once(child, 'close')
  clearTimeout(timer)
  const results = readResults(reportPath)
  const failure = processFailure({ code, signal, isLate, timeoutMs }, results)
  if (failure !== null) {
    results.push({ outcome: 'failed', name: 'the test process', error: failure })
  }
  return { results, output }
}
