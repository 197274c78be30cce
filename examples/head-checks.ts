// Watches pages with HEAD requests, again and again, until Ctrl-C. Then every task but this one is
// cancelled, and the program waits until they have ended: a graceful shutdown.

import {
  allTasks,
  createTask,
  currentTask,
  Event,
  gather,
  getRunningLoop,
  isCancelled,
  run,
  sleep,
} from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { type Page, Site } from './site/site.js'

const INTERVAL_MS = 10
const shop: Page = { status: 200 }
const site = await new Site('watched', {
  '/shop': shop,
  '/blog': { status: 302, location: '/news' },
  '/news': {},
  '/wiki': { status: 500 },
  '/mail': { breaks: true },
}).listen()

async function check(path: string): Promise<string> {
  try {
    return String((await fetchPage(site.url + path, 'HEAD')).status)
  } catch (error) {
    if (isCancelled(error)) throw error
    return (error as Error).message
  }
}

/** Says how the page is now, and whenever that changes. */
async function watch(path: string, state: string, changed: Event) {
  for (;;) {
    await sleep(INTERVAL_MS)
    const now = await check(path)
    if (now === state) continue
    console.log(`${path}: now ${now}`)
    state = now
    changed.set()
  }
}

await run(async () => {
  const stop = new Event()
  const changed = new Event()
  getRunningLoop().addSignalHandler('SIGINT', () => stop.set())

  for (const path of ['/shop', '/blog', '/wiki', '/mail']) {
    const state = await check(path)
    console.log(`${path}: ${state}`)
    createTask(() => watch(path, state, changed))
  }
  shop.status = 503
  await changed.wait()
  console.log('still watching: press Ctrl-C to stop')
  await stop.wait()

  const others = [...allTasks()].filter((task) => task !== currentTask())
  for (const task of others) task.cancel()
  await gather(others, { returnExceptions: true })
  console.log(`stopped; watchers cancelled: ${others.filter((task) => task.cancelled()).length}`)
})
site.close()
