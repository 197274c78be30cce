// A node:http server and an echo server in one process, both under load: neither may starve the
// other. What is measured is the http server's answer; the echo server runs as fast as it can.

import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { type Coroutine, getRunningLoop, wrap } from 'gyre'
import { EchoProtocol } from './echo_servers.js'
import { startLoad } from './load.js'
import { type Own, onBothBackends, type Scenario } from './scenario.js'
import { quantileOf } from './statistics.js'

const ECHO_LOAD = { connections: 50, messageBytes: 1024, window: 1 }
/** More than the http requests take; the load ends with the process. */
const ECHO_REQUESTS = 100_000_000

async function portOf(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

async function get(agent: http.Agent, port: number): Promise<void> {
  const request = http.get({ agent, host: '127.0.0.1', port })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.resume()
  await once(response, 'end')
}

let isLoaded = false

/** Asks the http server `count` times, while the echo server on `echoPort` is under load. */
async function measure(count: number, echoPort: number | null): Promise<Own> {
  if (echoPort !== null && !isLoaded) {
    isLoaded = true
    const load = startLoad(echoPort, ECHO_LOAD)
    await load.answer()
    load.ask(String(ECHO_REQUESTS)).catch(() => {})
    process.on('exit', () => load.kill())
  }
  const server = http.createServer((_request, response) => response.end('hello'))
  const port = await portOf(server)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const tookUs: number[] = []
  for (let i = 0; i < count; i++) {
    const startedAtMs = performance.now()
    await get(agent, port)
    tookUs.push((performance.now() - startedAtMs) * 1e3)
  }
  agent.destroy()
  server.close()
  return { p50Us: quantileOf(tookUs, 0.5), p99Us: quantileOf(tookUs, 0.99) }
}

let nodeEchoPort: Promise<number> | null = null

function nodeEcho(): Promise<number> {
  nodeEchoPort ??= portOf(
    net.createServer({ noDelay: true }, (socket) => {
      socket.on('data', (data) => socket.write(data))
      socket.on('error', () => {})
    }),
  )
  return nodeEchoPort
}

let gyreEchoPort: number | null = null

function* gyreEcho(): Coroutine<number> {
  if (gyreEchoPort === null) {
    const loop = getRunningLoop()
    const server = yield* loop.createServer(() => new EchoProtocol(), '127.0.0.1', 0)
    gyreEchoPort = server.sockets[0]!.port
  }
  return gyreEchoPort
}

export const mixed: Scenario = {
  name: 'mixed',
  title: "Node's http server beside an echo server under full load, time for each answer",
  cases: [
    {
      kind: 'operation',
      name: 'http answers',
      figure: 'p50Us',
      count: 300,
      arms: [
        {
          name: 'beside node:net',
          backend: null,
          round: async (count) => measure(count, await nodeEcho()),
        },
        { name: 'alone', backend: null, round: (count) => measure(count, null) },
        ...onBothBackends('beside Gyre', {
          *steps(count: number): Coroutine<Own> {
            return yield* wrap(measure(count, yield* gyreEcho()))
          },
        }),
      ],
    },
  ],
}
