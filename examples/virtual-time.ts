// A program full of sleeps under runVirtual: its clock jumps to the next timer, so three days pass at
// once, always in the same order. This is how to test code that waits.

import { createTask, getRunningLoop, run, sleep, timeout } from 'gyre'
import { runVirtual } from 'gyre/testing'

const HOUR_MS = 3_600_000

const log: string[] = []
function note(text: string): void {
  log.push(`hour ${getRunningLoop().time() / HOUR_MS}: ${text}`)
}

function* backup() {
  for (;;) {
    yield* sleep(24 * HOUR_MS)
    note('backup')
  }
}

function* poll() {
  for (;;) {
    yield* sleep(16 * HOUR_MS)
    note('poll')
  }
}

const startedMs = performance.now()
await runVirtual(function* () {
  createTask(backup())
  createTask(poll())
  try {
    yield* timeout(73 * HOUR_MS, () => sleep(1_000 * HOUR_MS))
  } catch (error) {
    note(`${(error as Error).name} in the fourth day`)
  }
})
for (const line of log) console.log(line)
console.log('took less than ten seconds:', performance.now() - startedMs < 10_000)

// A program that can never go on is found out at once, and shown who waits on what.
try {
  await runVirtual(function* () {
    yield* getRunningLoop().createFuture()
  })
} catch (error) {
  console.log((error as Error).name)
}

// The same code runs by the real clock.
await run(function* () {
  yield* sleep(1)
})
