// The thread of the twelve sites: see twelve.ts.

import { once } from 'node:events'
import { parentPort } from 'node:worker_threads'
import { type Page, Site } from './site.js'

const PAGES: Record<string, Page> = {
  oslo: { afterMs: 40, text: '<title>Oslo</title>' },
  lisbon: { afterMs: 60, text: '<title>Lisbon</title>' },
  moved: { afterMs: 20, status: 302, location: '/rome' },
  cairo: { afterMs: 50, text: '<title>Cairo</title>' },
  broken: { afterMs: 30, status: 500 },
  lima: { afterMs: 40, text: '<title>Lima</title>' },
  slow: { afterMs: 300, text: '<title>Worth the wait</title>' },
  quito: { afterMs: 50, text: '<title>Quito</title>' },
  lost: { afterMs: 30, status: 404 },
  seoul: { afterMs: 60, text: '<title>Seoul</title>' },
  silent: { afterMs: 30, breaks: true },
  tunis: { afterMs: 40, text: '<title>Tunis</title>' },
}
const ROME: Page = { afterMs: 20, text: '<title>Rome</title>' }

const traffic = { now: 0, busiest: 0 }
const starting = Object.entries(PAGES).map(([name, page]) =>
  new Site(name, { [`/${name}`]: page, '/rome': ROME }, traffic).listen(),
)
const sites = await Promise.all(starting)
parentPort!.postMessage(sites.map((site) => `${site.url}/${site.name}`))

await once(parentPort!, 'message')
parentPort!.postMessage(traffic.busiest)
for (const site of sites) site.close()
parentPort!.close()
