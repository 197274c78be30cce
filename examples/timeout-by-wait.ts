// A limit for several tasks at once: `wait` comes back when the time is over and throws nothing. What
// has not answered by then is the caller's to cancel.

import { createTask, run, wait } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const site = await new Site('services', {
  '/quick': { afterMs: 10, text: '203.0.113.7' },
  '/quick-too': { afterMs: 20, text: '203.0.113.7' },
  '/asleep': { afterMs: 60_000, text: '203.0.113.7' },
}).listen()

await run(async () => {
  const tasks = site.paths.map((path) =>
    createTask(async () => (await fetchPage(site.url + path)).text, { name: path }),
  )
  const { done, pending } = await wait(tasks, { timeout: 2_000 })
  for (const task of tasks) {
    console.log(task.getName(), done.has(task) ? task.result() : 'has not answered in time')
  }
  for (const task of pending) task.cancel()
  if (pending.size > 0) await wait(pending)
  console.log('cancelled:', tasks.filter((task) => task.cancelled()).length)
})
site.close()
