// Cooperative scheduling: while two coroutines wait two seconds each, a third one works; all three are
// done after two seconds, not five. The clock is virtual: see sleeps.ts.

import { gather, getRunningLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'

const SECOND_MS = 1_000

function note(text: string) {
  console.log(`${(getRunningLoop().time() / SECOND_MS).toFixed(1)} s: ${text}`)
}

function* waiter(name: string) {
  note(`${name} waits`)
  yield* sleep(2 * SECOND_MS)
  note(`${name} has waited`)
}

function* worker() {
  note('worker: something to do while the others wait')
  yield* sleep(SECOND_MS)
  note('worker: done')
}

await runVirtual(function* () {
  yield* gather(waiter('first'), waiter('second'), worker())
})
