// `await` binds weaker than the dot: `await page.title` waits for the attribute of a page that is there,
// `(await page).title` for the page. `yield*` binds weaker still than any operator.

import { type Awaitable, createTask, run, sleep, wrap } from 'gyre'

class Page {
  /** An attribute that can be awaited. */
  readonly links: Promise<string[]>

  constructor(readonly title: string) {
    this.links = Promise.resolve(['/a', '/b'])
  }
}

function* load(title: string) {
  yield* sleep(1)
  return new Page(title)
}

/** What TypeScript would refuse; JavaScript, like Python, only finds out when it runs. */
const titleOf = (page: Awaitable<Page>) => (page as unknown as Page).title

await run(async () => {
  const page = createTask(load('Home'))
  console.log('await page.title:  ', await titleOf(page))
  console.log('(await page).title:', (await page).title)
  console.log('await home.links:  ', await (await page).links)
  console.log('links, then length:', (await (await page).links).length)
})

// `yield* count() + 1` is read as `yield* (count() + 1)`: the brackets are needed for every operator.
await run(function* () {
  const count = () => createTask(sleep(1, 20))
  console.log('(yield* count()) + 1:', (yield* count()) + 1)
  const page = yield* load('Home')
  console.log('yield* of a promise:', (yield* wrap(page.links)).join(' '))
})
