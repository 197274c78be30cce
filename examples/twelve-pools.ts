// Twelve sites, mapped over pools. `map` gives the results in the order of the addresses, each as soon
// as it and those before it are there; threads and processes differ in one line.

import { ProcessPoolExecutor, run, ThreadPoolExecutor } from 'gyre'
import { startTwelve } from './site/twelve.js'

const visitBlocking = { module: new URL('./site/visit.js', import.meta.url), name: 'visitBlocking' }

for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
  const sites = await startTwelve()
  await run(async () => {
    await using pool = new Pool({ maxWorkers: 3 })
    const lines = pool.map<string>(visitBlocking, sites.urls, { chunkSize: 2 })
    for await (const line of lines) console.log(line)
  })
  console.log(`${Pool.name}, several at once: ${(await sites.close()).busiest > 1}`)
}
