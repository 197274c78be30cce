// Fetches the pages of a local site, three at a time, each with a timeout of its own. A page that is
// too slow is abandoned: task.signal aborts its request, and the server hears of it.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { currentTask, gather, run, TimeoutError, timeout } from 'gyre'

const DELAYS_MS: Record<string, number> = { '/a': 30, '/b': 60, '/c': 10, '/slow': 60_000 }

const site = createServer((request, response) => {
  const path = request.url ?? '/'
  const delayMs = DELAYS_MS[path]
  if (delayMs === undefined) {
    response.writeHead(404).end()
    return
  }
  const timer = setTimeout(() => response.end(`this is ${path}`), delayMs)
  response.once('close', () => {
    clearTimeout(timer)
    if (!response.writableEnded) site.emit('abandoned', path)
  })
})
site.listen(0, '127.0.0.1')
await once(site, 'listening')
const abandoned = once(site, 'abandoned')
const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`

async function fetchPage(path: string): Promise<string> {
  const { signal } = currentTask()!
  const response = await fetch(origin + path, { signal })
  if (!response.ok) throw new Error(`status ${response.status}`)
  return await response.text()
}

async function visit(path: string): Promise<string> {
  try {
    return await timeout(1_000, () => fetchPage(path))
  } catch (error) {
    if (error instanceof TimeoutError) return `${path}: too slow`
    return `${path}: ${(error as Error).message}`
  }
}

const paths = ['/a', '/b', '/missing', '/slow', '/c']
const visits = paths.map((path) => () => visit(path))
const lines = await run(async () => await gather(visits, { limit: 3 }))

for (const line of lines) console.log(line)
const [path] = await abandoned
console.log(`the server heard that ${path} was abandoned`)
site.close()
site.closeAllConnections()
