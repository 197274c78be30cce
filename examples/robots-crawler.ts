// A crawler that is a coroutine: it is fed paths, gives what is there, and keeps to the site's
// robots.txt. What is `send` in Python is the argument of `next`; `close` is `return`.

import { asyncGenerator, run, sleep } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const ROBOTS = `User-agent: *
Disallow: /private
Allow: /private/open
Crawl-delay: 0.01

User-agent: GreedyBot
Disallow: /
`
const site = await new Site('site', {
  '/robots.txt': { text: ROBOTS },
  '/': { text: 'welcome' },
  '/private/diary': { text: 'dear diary' },
  '/private/open': { text: 'come in' },
}).listen()

interface Robots {
  mayVisit(path: string): boolean
  delayMs: number
}

/** What is said to everybody. The longest rule that fits decides; without one, all is allowed. */
function parseRobots(text: string): Robots {
  const groups = text.split(/^(?=User-agent:)/m)
  const ours = groups.find((group) => group.startsWith('User-agent: *\n')) ?? ''
  const lines = ours.split('\n').map((line) => line.split(/:\s*/))
  const valuesOf = (key: string) => lines.flatMap(([name, value]) => (name === key ? value! : []))
  const longest = (rules: string[], path: string) =>
    Math.max(-1, ...rules.filter((rule) => path.startsWith(rule)).map((rule) => rule.length))
  const allowed = valuesOf('Allow')
  const disallowed = valuesOf('Disallow').filter((rule) => rule !== '')
  return {
    mayVisit: (path) => longest(allowed, path) >= longest(disallowed, path),
    delayMs: Number(valuesOf('Crawl-delay')[0] ?? 0) * 1_000,
  }
}

const crawl = asyncGenerator(async function* (
  origin: string,
): AsyncGenerator<string, void, string> {
  const robots = parseRobots((await fetchPage(`${origin}/robots.txt`)).text)
  let answer = 'ready for paths'
  try {
    for (;;) {
      const path: string = yield answer
      if (!robots.mayVisit(path)) {
        answer = 'robots.txt says no'
        continue
      }
      await sleep(robots.delayMs)
      const { status, text } = await fetchPage(origin + path)
      answer = `${status} ${text}`.trim()
    }
  } finally {
    console.log('the crawler has gone home')
  }
})

await run(async () => {
  const crawler = crawl(site.url)
  console.log((await crawler.next()).value) // runs up to the first yield
  for (const path of ['/', '/private/diary', '/private/open', '/missing']) {
    console.log(path, '->', (await crawler.next(path)).value)
  }
  await crawler.return()
})
site.close()
