// Twelve sites, visited by coroutines that block by mistake: it says async, it is gathered, and still
// one site is asked at a time, because a call that blocks stops the whole loop. Debug mode warns of
// every task that kept the loop for too long.

import { createTask, gather, getRunningLoop, run } from 'gyre'
import { startTwelve } from './site/twelve.js'
import { nameOf, visitBlocking } from './site/visit.js'

async function visit(url: string): Promise<string> {
  return visitBlocking(url) // the mistake
}

const slow: string[] = []
process.on('warning', ({ message }) => {
  const task = /^Executing <Task .*name='(\w+)'.* took [\d.]+ ms$/.exec(message)
  if (task !== null) slow.push(task[1]!)
})

const sites = await startTwelve()
await run(
  async () => {
    getRunningLoop().slowCallbackDuration = 10
    const visits = sites.urls.map((url) => createTask(() => visit(url), { name: nameOf(url) }))
    for (const line of await gather(visits)) console.log(line)
  },
  { debug: true },
)
console.log('sites asked at once:', (await sites.close()).busiest)
console.log('debug mode warned of', slow.join(' '))
