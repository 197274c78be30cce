// Twelve sites, visited by a function that blocks, which the loop hands to its executor: the way to use
// a library that blocks in an asynchronous program. (`toThread` is the short form.)

import { gather, getRunningLoop, run, ThreadPoolExecutor } from 'gyre'
import { startTwelve } from './site/twelve.js'

const visitBlocking = { module: new URL('./site/visit.js', import.meta.url), name: 'visitBlocking' }
const sites = await startTwelve()

await run(async () => {
  const loop = getRunningLoop()
  loop.setDefaultExecutor(new ThreadPoolExecutor({ maxWorkers: 4 }))
  const visits = sites.urls.map((url) => loop.runInExecutor<string>(null, visitBlocking, url))
  for (const line of await gather(visits)) console.log(line)
})
console.log('several sites asked at once:', (await sites.close()).busiest > 1)
