// Three pages, fetched one after the other and then together. The site tells how many requests it had
// at the busiest moment; the answers come in the order in which they were asked for.

import { gather, run } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const PAGES = {
  '/first': { afterMs: 120, text: 'the first page' },
  '/second': { afterMs: 80, text: 'the second page' },
  '/third': { afterMs: 100, text: 'the third page' },
}

async function read(url: string): Promise<string> {
  const { status, text } = await fetchPage(url)
  return `${status} ${text}`
}

async function oneAfterTheOther(urls: readonly string[]) {
  const answers: string[] = []
  for (const url of urls) answers.push(await read(url))
  return answers
}

async function together(urls: readonly string[]) {
  return await gather(urls.map((url) => () => read(url)))
}

for (const fetchAll of [oneAfterTheOther, together]) {
  const site = await new Site('site', PAGES).listen()
  const urls = site.paths.map((path) => site.url + path)
  console.log(await run(() => fetchAll(urls)))
  console.log(`${fetchAll.name}: more than one at a time: ${site.traffic.busiest > 1}`)
  site.close()
}
