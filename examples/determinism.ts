// Tasks that take a random time. One after the other they end in the order of their numbers, whatever
// the times are; together they end in the order of their times. The times come from a seed, so that
// every run of this program is the same; the clock is virtual: see sleeps.ts.

import { gather, getRunningLoop, sleep } from 'gyre'
import { runVirtual } from 'gyre/testing'

const SEED = 7

/** Numbers from 0 to 1 that look random (the generator of Park and Miller). */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 48_271) % 2_147_483_647
    yield state / 2_147_483_647
  }
}

async function race(isTogether: boolean): Promise<string> {
  const random = randomNumbers(SEED)
  const ended: number[] = []
  function* task(id: number) {
    yield* sleep(random.next().value * 2)
    ended.push(id)
  }
  await runVirtual(function* () {
    const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    if (isTogether) yield* gather(ids.map(task))
    else for (const id of ids) yield* task(id)
    console.log(`took ${getRunningLoop().time().toFixed(1)} ms`)
  })
  return ended.join(' ')
}

console.log('synchronous: ', await race(false))
console.log('asynchronous:', await race(true))
console.log('asynchronous:', await race(true))
