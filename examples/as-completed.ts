// Results as they complete: asked for in one order, printed in the order in which they come.

import { asCompleted, run } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const site = await new Site('site', {
  '/slow': { behind: '/late', afterMs: 100, text: 'slow, and worth the wait' },
  '/quick': { text: 'quick' },
  '/missing': { behind: '/quick', afterMs: 50, status: 404 },
  '/moved': { behind: '/missing', status: 302, location: '/late' },
  '/late': { afterMs: 50, text: 'moved, and found' },
}).listen()

async function read(path: string): Promise<string> {
  const { status, text } = await fetchPage(site.url + path)
  return `${path}: ${status} ${text}`.trim()
}

await run(async () => {
  const pages = ['/slow', '/quick', '/missing', '/moved'].map((path) => () => read(path))
  for (const next of asCompleted(pages)) console.log(await next)
})
site.close()
