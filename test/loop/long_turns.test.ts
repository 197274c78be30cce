// Where turns are long, the loop looks at the clock more often.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getRunningLoop, run, sleep } from 'gyre'

const STEP_MS = 1
const DELAY_MS = 2

function workFor(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('a timer does not wait for many long turns', async () => {
  // Steps are counted, not time: a busy machine makes them longer, and so fewer.
  let steps = 0
  await run(function* () {
    const step = function* () {
      steps++
      workFor(STEP_MS)
      yield* sleep(0)
    }
    while (steps < 20) yield* step()
    let hasFired = false
    getRunningLoop().callLater(DELAY_MS, () => {
      hasFired = true
    })
    while (!hasFired && steps < 60) yield* step()
  })
  assert.ok(steps <= 25, `fired after ${steps - 20} steps`)
})
