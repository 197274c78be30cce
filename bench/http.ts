// HTTP: node:http as it is, on connections that Gyre accepts, and with a task for each request.

import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import { type Coroutine, getRunningLoop, type Protocol, type Transport, wrap } from 'gyre'
import { requestScope, toDuplex } from 'gyre/node'
import { onBothBackends, type Scenario, type ServerArm, type ServerCase } from './scenario.js'

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void

async function listen(answer: Answer): Promise<number> {
  const server = http.createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

/** Gives its connection to a server of node:http. */
class HandingOver implements Protocol {
  constructor(private readonly site: http.Server) {}

  connectionMade(transport: Transport): void {
    this.site.emit('connection', toDuplex(transport))
  }
}

function* listenOnGyre(answer: Answer): Coroutine<number> {
  const site = http.createServer(answer)
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => new HandingOver(site), '127.0.0.1', 0)
  return server.sockets[0]!.port
}

function* listenInLoop(answer: Answer): Coroutine<number> {
  return yield* wrap(listen(answer))
}

function* endIn(response: http.ServerResponse, body: Buffer): Coroutine<void> {
  response.end(body)
}

function answers(body: Buffer): ServerCase {
  const end: Answer = (_request, response) => {
    response.end(body)
  }
  const endInTask: Answer = (request, response) => {
    requestScope(request, response, () => endIn(response, body)).catch((error) =>
      response.destroy(error),
    )
  }
  const endInAsync: Answer = (request, response) => {
    requestScope(request, response, async () => {
      response.end(body)
    }).catch((error) => response.destroy(error))
  }
  const arms: readonly ServerArm[] = [
    { name: 'node:http', backend: null, serve: () => listen(end) },
    ...onBothBackends('toDuplex', { serve: () => listenOnGyre(end) }),
    ...onBothBackends('requestScope', { serve: () => listenInLoop(endInTask) }),
    ...onBothBackends('requestScope, async', { serve: () => listenInLoop(endInAsync) }),
  ]
  return {
    kind: 'server',
    name: `${body.length} B x 100`,
    count: 'timed',
    load: { keptAlive: 100, seconds: 1 },
    arms,
  }
}

export const httpServers: Scenario = {
  name: 'http',
  title: 'HTTP servers, CPU time for each request',
  cases: [answers(Buffer.alloc(64, 'x')), answers(Buffer.alloc(16 * 1024, 'x'))],
}
