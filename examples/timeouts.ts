// Deadlines: for a block, for one coroutine, nested, and moved while the block runs.

import { getRunningLoop, run, sleep, TimeoutError, timeout, waitFor } from 'gyre'

function* work(ms: number) {
  yield* sleep(ms)
  return `worked ${ms} ms`
}

await run(function* () {
  // A block. It runs in the current task; when the time is over, what it waits for is cancelled.
  try {
    yield* timeout(200, function* () {
      console.log('in the block:', yield* work(5))
      console.log('in the block:', yield* work(60_000))
    })
  } catch (error) {
    console.log('the block:', (error as Error).name)
  }

  // One coroutine: cancelled, and waited for, when it takes too long.
  console.log('waitFor:', yield* waitFor(work(5), 60_000))
  try {
    yield* waitFor(work(60_000), 10)
  } catch (error) {
    console.log('waitFor:', (error as Error).name)
  }

  // Nested: each deadline ends its own block and no other.
  const result = yield* timeout(60_000, function* () {
    try {
      return yield* timeout(10, () => work(60_000))
    } catch (error) {
      if (error instanceof TimeoutError) return 'a substitute'
      throw error
    }
  })
  console.log('nested:', result)

  // Moved: every piece of work that comes in time buys time for the next.
  const startMs = getRunningLoop().time()
  const pieces = yield* timeout(10_000, function* (deadline) {
    let count = 0
    for (; count < 5; count++) {
      yield* sleep(10)
      deadline.reschedule(getRunningLoop().time() + 10_000)
    }
    return { count, movedMs: deadline.when()! - startMs - 10_000 }
  })
  console.log(`moved: ${pieces.count} pieces, by 50 ms or more:`, pieces.movedMs >= 50)
})
