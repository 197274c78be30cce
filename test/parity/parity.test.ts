// Random programs behave under Gyre as they do under CPython's asyncio, to the last line of their traces.
// What CPython does is recorded (traces/, `npm run parity:record`), so that no Python is needed here.
// `npm run parity:show -- SEED` shows one program and both traces, and `-- SEED --shrink` a smaller one.
// `npm run parity:hunt -- --from=SEED --count=N` runs others, as async functions, too (hunt.ts).
// Structured programs are in structured.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { profiles, seedCount } from './profiles.js'
import { Recording } from './recording.js'
import { failuresMax, replay } from './replay.js'

test('every program of every profile is recorded', () => {
  assert.equal(Recording.read().about.seedCount, seedCount)
  assert.ok(seedCount >= 20_000)
})

for (const profile of profiles) {
  if (profile.shape !== 'flat') continue
  test(`programs of the profile "${profile.name}" behave as under CPython`, async () => {
    const failures = await replay(profile)
    assert.equal(failures.length, 0, failures.slice(0, failuresMax).join('\n\n'))
  })
}
