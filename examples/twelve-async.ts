// Twelve sites, visited by coroutines that wait instead of blocking: one thread, all sites at once.

import { gather, run } from 'gyre'
import { startTwelve } from './site/twelve.js'
import { visit } from './site/visit.js'

const sites = await startTwelve()
const lines = await run(async () => await gather(sites.urls.map((url) => () => visit(url))))
for (const line of lines) console.log(line)
console.log('several sites asked at once:', (await sites.close()).busiest > 1)
