// Every program of examples/ runs on the backend of this run, ends by itself with exit code 0, and prints
// what it is expected to print.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { root } from '../packaging/repository.js'
import { isInstalled } from '../peers/peer.js'
import { expected } from './expected.js'
import { runExample } from './run_example.js'

/** What goes to stderr, of the examples that are about warnings. */
const expectedStderr: Readonly<Record<string, RegExp>> = {
  'twelve-blocking-coroutines':
    /GYRE_SLOW_CALLBACK.*Executing <Task .*name='oslo'.* took [\d.]+ ms/,
}

const names = readdirSync(join(root, 'examples'))
  .filter((name) => name.endsWith('.ts') && name !== 'tour.ts')
  .map((name) => name.replace(/\.ts$/, ''))

test('it is known of every example what it prints', () => {
  assert.deepEqual(names.sort(), Object.keys(expected).sort())
})

/** Programs of other people that examples need. Where one is missing, CI fails. */
const needed: Readonly<Record<string, string>> = {
  'resp-client': 'redis-server',
  'job-queue': 'redis-server',
}

function reasonToSkip(name: string): string | false {
  const program = needed[name]
  if (program === undefined || isInstalled(program) || process.env.GYRE_CI === '1') return false
  return `not installed: ${program}`
}

for (const name of names) {
  const options = { skip: reasonToSkip(name) }
  test(`the example ${name} ends by itself and prints what is expected`, options, async () => {
    const { code, signal, stdout, stderr } = await runExample(name)
    assert.match(stderr, expectedStderr[name] ?? /^$/)
    assert.deepEqual(stdout.trimEnd().split('\n'), expected[name])
    assert.deepEqual({ code, signal }, { code: 0, signal: null })
  })
}
