// Twelve sites, visited by processes that block. Each process has its own memory: what they are given
// and what they bring is copied.

import { gather, ProcessPoolExecutor, run } from 'gyre'
import { startTwelve } from './site/twelve.js'

const visitBlocking = { module: new URL('./site/visit.js', import.meta.url), name: 'visitBlocking' }
const sites = await startTwelve()

await run(async () => {
  await using processes = new ProcessPoolExecutor({ maxWorkers: 3 })
  const visits = sites.urls.map((url) => processes.submit<string>(visitBlocking, url))
  for (const line of await gather(visits)) console.log(line)
  const pid = await processes.submit(() => process.pid)
  console.log('in another process:', pid !== process.pid)
})
console.log('several sites asked at once:', (await sites.close()).busiest > 1)
