// Three searches at once; each gives a list, and the lists become one.

import { gather, run } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const site = await new Site('search', {
  '/?q=loops': { afterMs: 60, text: '["Turns and Loops", "The Ready Queue"]' },
  '/?q=tasks': { afterMs: 20, text: '["A Task a Day"]' },
  '/?q=locks': { afterMs: 40, text: '["Fair Locks", "Who Holds It", "Barriers"]' },
}).listen()

async function search(word: string): Promise<string[]> {
  const { text } = await fetchPage(`${site.url}/?q=${word}`)
  return JSON.parse(text)
}

const titles = await run(async () => {
  const lists = await gather(['loops', 'tasks', 'locks'].map((word) => () => search(word)))
  return lists.flat()
})
for (const title of titles) console.log(title)
site.close()
