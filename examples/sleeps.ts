// Five sleeps of a second: one after the other they take five seconds, together one. The clock is the
// virtual one of gyre/testing, which jumps to the next timer: with `run` in place of `runVirtual` the
// program prints the same five seconds later.

import { gather, getRunningLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'

const SECOND_MS = 1_000
const NAMES = ['a', 'b', 'c', 'd', 'e']

function* nap(name: string) {
  yield* sleep(SECOND_MS)
  return name
}

function* oneAfterTheOther() {
  const woken: string[] = []
  for (const name of NAMES) woken.push(yield* nap(name))
  return woken
}

function* together() {
  return yield* gather(NAMES.map(nap))
}

for (const sleepers of [oneAfterTheOther, together]) {
  await runVirtual(function* () {
    const loop = getRunningLoop()
    const startedMs = loop.time()
    const woken = yield* sleepers()
    const tookSeconds = Math.round((loop.time() - startedMs) / SECOND_MS)
    console.log(`${sleepers.name}: ${woken.join(' ')} in ${tookSeconds} s`)
  })
}
