// Work that computes, in threads: the loop goes on meanwhile. The functions are sent to the threads, so they
// stand alone.

import { createTask, run, sleep, ThreadPoolExecutor, toThread } from 'gyre'

function countPrimes(below: number): number {
  let count = 0
  for (let n = 2; n < below; n++) {
    let divisor = 2
    while (divisor * divisor <= n && n % divisor !== 0) divisor++
    if (divisor * divisor > n) count++
  }
  return count
}

await run(async () => {
  let ticks = 0
  const clock = createTask(async () => {
    for (;;) {
      await sleep(1)
      ticks++
    }
  })
  console.log('primes below 300000:', await toThread(countPrimes, 300_000))
  clock.cancel()
  console.log('the loop went on:', ticks > 0)

  await using executor = new ThreadPoolExecutor({ maxWorkers: 2 })
  const limits = [10, 100, 1_000, 10_000]
  for await (const count of executor.map(countPrimes, limits)) console.log(count)

  const endless = executor.submit(function () {
    while (!this.cancelled) Math.random()
  })
  endless.cancel()
  console.log('cancelled:', endless.cancelled())
})
