// Three places for an exception: handled in the coroutine, met in the futures, or never retrieved. The
// last is reported when the loop closes, or when the task is collected before.

import { createTask, run, sleep, type Task, wait } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const site = await new Site('services', {
  '/json': { text: '{ "ip": "203.0.113.7" }' },
  '/garbled': { text: '<html>' },
  '/down': { breaks: true },
}).listen()
const paths = [...site.paths, '/missing']

async function ask(path: string): Promise<string> {
  const { status, text } = await fetchPage(site.url + path)
  if (status !== 200) throw new Error(`status ${status}`)
  try {
    return JSON.parse(text).ip
  } catch {
    throw new Error('not JSON')
  }
}

console.log('handled')
await run(async () => {
  async function askOrSay(path: string): Promise<string> {
    try {
      return await ask(path)
    } catch (error) {
      return `no luck, ${(error as Error).message}`
    }
  }
  for (const path of paths) console.log(path, await askOrSay(path))
})

console.log('met in the futures')
await run(async () => {
  const tasks = paths.map((path) => createTask(() => ask(path), { name: path }))
  await wait(tasks)
  for (const task of tasks) {
    const error = task.exception() as Error | null
    console.log(task.getName(), error === null ? task.result() : error.message)
  }
})

console.log('never retrieved')
await run(async () => {
  const task = createTask(() => ask('/missing'), { name: '/missing' })
  task.getLoop().setExceptionHandler((_loop, { message, exception, future }) => {
    console.log(
      `${message}: ${(exception as Error).message}, of ${(future as Task<string>).getName()}`,
    )
  })
  while (!task.done()) await sleep(1)
  console.log('the program goes on')
})
site.close()
