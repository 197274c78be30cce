// A task for each request of a Fastify application: it ends with its client, or at its deadline.

import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { Event, sleep } from 'gyre'
import { requestScope } from 'gyre/node'

const app = fastify({ forceCloseConnections: true })
const begun = new Event()
const abandoned = new Event()

// What the body gives is what Fastify answers with.
app.get('/price', (incoming, reply) =>
  requestScope(
    incoming.raw,
    reply.raw,
    function* () {
      yield* sleep(1)
      return { price: 5 }
    },
    { deadline: 60_000 },
  ),
)

app.get('/report', (incoming, reply) =>
  requestScope(
    incoming.raw,
    reply.raw,
    async () => {
      begun.set()
      try {
        await sleep(60_000)
      } finally {
        console.log('the report is written for nobody: stopped')
        abandoned.set()
      }
    },
    { deadline: 60_000 },
  ),
)

await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as AddressInfo

const response = await fetch(`http://127.0.0.1:${port}/price`)
console.log(response.status, await response.json())

const client = request({ port, host: '127.0.0.1', path: '/report' })
client.on('error', () => {})
client.end()
await begun.wait()
client.destroy()
await abandoned.wait()
await app.close()
