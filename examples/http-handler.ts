// Tasks in a node:http handler. Outside of `run`, createTask puts them on the thread's own loop, which
// runs by itself inside Node's: nothing has to be started.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTask, gather, sleep, TimeoutError, timeout } from 'gyre'

function* lookUp(what: string, delayMs: number) {
  yield* sleep(delayMs)
  return `${what} in ${delayMs} ms`
}

/** Answers with two look-ups made at once, or with 504 if they take too long. */
function* answer(request: IncomingMessage, response: ServerResponse) {
  const limitMs = request.url === '/impatient' ? 10 : 1_000
  try {
    const parts = yield* timeout(limitMs, () => gather(lookUp('price', 30), lookUp('stock', 20)))
    response.end(parts.join(', '))
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error
    response.writeHead(504).end('too slow')
  }
}

const server = createServer((request, response) => {
  const task = createTask(answer(request, response))
  // A client that goes away cancels its request.
  response.once('close', () => task.cancel())
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')

const { port } = server.address() as AddressInfo
for (const path of ['/patient', '/impatient']) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  console.log(path, response.status, await response.text())
}
server.close()
server.closeAllConnections()
