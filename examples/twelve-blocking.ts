// Twelve sites, visited by a plain program that blocks: one after the other, and nothing else happens
// meanwhile. The programs twelve-*.ts do the same in other ways.

import { startTwelve } from './site/twelve.js'
import { visitBlocking } from './site/visit.js'

const sites = await startTwelve()
for (const url of sites.urls) console.log(visitBlocking(url))
console.log('sites asked at once:', (await sites.close()).busiest)
