// Tasks in a node:http handler. Outside of `run`, createTask puts them on the thread's own loop, which
// runs by itself inside Node's: nothing has to be started.

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gather, sleep } from 'gyre'
import { requestScope } from 'gyre/node'

function* lookUp(what: string, delayMs: number) {
  yield* sleep(delayMs)
  return `${what} in ${delayMs} ms`
}

/** Answers with two look-ups made at once. */
function* answer(response: ServerResponse) {
  const parts = yield* gather(lookUp('price', 30), lookUp('stock', 20))
  response.end(parts.join(', '))
}

// The task ends with its client. At the deadline it is cancelled, and the client gets a 504.
const server = createServer((request, response) => {
  void requestScope(request, response, () => answer(response), {
    deadline: request.url === '/impatient' ? 10 : 1_000,
    onDeadline: () => response.writeHead(504).end('too slow'),
  })
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
