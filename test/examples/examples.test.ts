// Every program of examples/ runs on the backend of this run, ends by itself with exit code 0, and prints
// what it is expected to print.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { root } from '../packaging/repository.js'
import { expected } from './expected.js'

/** Far more than any of them takes: a slow machine is no failure, a program without end is. */
const TIMEOUT_MS = 60_000

const names = readdirSync(join(root, 'examples'))
  .filter((name) => name.endsWith('.ts') && name !== 'tour.ts')
  .map((name) => name.replace(/\.ts$/, ''))

test('it is known of every example what it prints', () => {
  assert.deepEqual(names.sort(), Object.keys(expected).sort())
})

for (const name of names) {
  test(`the example ${name} ends by itself and prints what is expected`, async () => {
    const path = join(root, 'build/examples', `${name}.js`)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [path], {
      cwd: root,
      timeout: TIMEOUT_MS,
    })
    assert.equal(stderr, '')
    assert.deepEqual(stdout.trimEnd().split('\n'), expected[name])
  })
}
