// A task for each request of an Express application: it ends with its client, or at its deadline.

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { gather, sleep } from 'gyre'
import { requestScope } from 'gyre/node'

function* lookUp(what: string, delayMs: number) {
  try {
    yield* sleep(delayMs)
    return what
  } finally {
    if (delayMs > 1_000) console.log(`${what}: looked up no more`)
  }
}

const app = express()

app.get('/price', (request, response) =>
  requestScope(
    request,
    response,
    function* () {
      const delayMs = 'slow' in request.query ? 60_000 : 1
      const [price, stock] = yield* gather(lookUp('price', delayMs), lookUp('stock', 1))
      response.json({ price, stock })
    },
    { deadline: 100 },
  ),
)

// What the body throws goes to Express.
app.get('/broken', (request, response) =>
  requestScope(request, response, async () => {
    throw new Error('the database is gone')
  }),
)

const sayError: express.ErrorRequestHandler = (error, _request, response, _next) => {
  response.status(500).send(String(error))
}
app.use(sayError)

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
for (const path of ['/price', '/price?slow', '/broken']) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  console.log(path, response.status, (await response.text()).trimEnd())
}
server.close()
server.closeAllConnections()
