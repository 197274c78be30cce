// The same random programs as async functions, and with both kinds of coroutines in one program: what they
// must do is what they do as generator coroutines, which parity.test.ts compares with CPython.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asyncFunctions } from './interpret_async.js'
import { profiles } from './profiles.js'
import { failuresMax } from './replay.js'
import { compareWith, mixed, settled } from './settled.js'

test('there are settled programs to compare', () => {
  assert.ok(settled.length >= 1000)
})

for (const profile of profiles) {
  if (profile.shape !== 'flat') continue
  test(`async functions of the profile "${profile.name}" do what generators do`, async () => {
    const failures = await compareWith(asyncFunctions, profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
  test(`both kinds mixed, of the profile "${profile.name}", do what generators do`, async () => {
    const failures = await compareWith(mixed, profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
}
