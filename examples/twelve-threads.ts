// Twelve sites, visited by threads that block, while the main thread goes on and tells how far they
// have come.

import { run, sleep, ThreadPoolExecutor } from 'gyre'
import { startTwelve } from './site/twelve.js'

const visitBlocking = { module: new URL('./site/visit.js', import.meta.url), name: 'visitBlocking' }
const sites = await startTwelve()

await run(async () => {
  await using threads = new ThreadPoolExecutor({ maxWorkers: 4 })
  const visits = sites.urls.map((url) => threads.submit<string>(visitBlocking, url))
  for (let told = 0; told < visits.length; ) {
    await sleep(10)
    const visited = visits.filter((visit) => visit.done()).length
    for (; told + 4 <= visited; told += 4) console.log(`${told + 4} of 12 sites are visited`)
  }
  for (const visit of visits) console.log(visit.result())
})
console.log('several sites asked at once:', (await sites.close()).busiest > 1)
