// Structured random programs (generate_structured.ts): as generator coroutines they behave as recorded
// under CPython, as async functions and mixed they do what generators do.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asyncFunctions } from './interpret_async.js'
import { profiles } from './profiles.js'
import { failuresMax, replay } from './replay.js'
import { compareWith, mixed } from './settled.js'

for (const profile of profiles) {
  if (profile.shape !== 'structured') continue
  test(`${profile.name} behave as under CPython`, async () => {
    const failures = await replay(profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
  test(`${profile.name} of async functions do what those of generators do`, async () => {
    const failures = await compareWith(asyncFunctions, profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
  test(`${profile.name} of both kinds mixed do what those of generators do`, async () => {
    const failures = await compareWith(mixed, profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
}
