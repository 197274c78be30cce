// What is my address? Several services are asked, and the first answer will do. Whoever then only
// closes the loop leaves tasks that can never end, and hears of each; whoever cancels them and waits
// until they have ended does not.

import { type EventLoop, newEventLoop, type Task, wait } from 'gyre'
import { fetchPage } from './site/fetch_page.js'
import { Site } from './site/site.js'

const SERVICES = [
  { name: 'ipify', path: '/format=json', key: 'ip' },
  { name: 'ip-api', path: '/json', key: 'query' },
  { name: 'whoami', path: '/whoami', key: 'address' },
]
const site = await new Site('services', {
  '/format=json': { afterMs: 10, text: '{ "ip": "203.0.113.7" }' },
  '/json': { afterMs: 10_000, text: '{ "query": "203.0.113.7" }' },
  '/whoami': { afterMs: 10_000, text: '{ "address": "203.0.113.7" }' },
}).listen()

async function ask({ name, path, key }: (typeof SERVICES)[number]): Promise<string> {
  const { text } = await fetchPage(site.url + path)
  return `${name} says ${JSON.parse(text)[key]}`
}

function startAll(loop: EventLoop): Task<string>[] {
  return SERVICES.map((service) => loop.createTask(() => ask(service), { name: service.name }))
}

async function firstOf(tasks: Task<string>[], isTidy: boolean) {
  const { done, pending } = await wait(tasks, { returnWhen: 'FIRST_COMPLETED' })
  for (const task of done) console.log(task.result())
  if (!isTidy) return
  for (const task of pending) task.cancel()
  await wait(pending)
}

for (const isTidy of [false, true]) {
  const loop = newEventLoop()
  loop.setExceptionHandler((_loop, { message, task }) => {
    console.log(message, (task as Task<string>).getName())
  })
  const tasks = startAll(loop)
  await loop.runUntilComplete(() => firstOf(tasks, isTidy))
  loop.close()
  console.log('cancelled:', tasks.filter((task) => task.cancelled()).length)
}
site.close()
