// Small messages, many in flight on each connection: a server that replies to each by itself. What it
// writes in one turn goes out together on Gyre; node:net makes a system call of each reply.

import { once } from 'node:events'
import net from 'node:net'
import { type Coroutine, getRunningLoop, type Protocol, type Transport } from 'gyre'
import { onBothBackends, type Scenario, type ServerArm } from './scenario.js'

const MESSAGE_BYTES = 64

/** Counts out the messages in what arrives, wherever it was cut. */
class Splitter {
  private pendingBytes = 0

  messagesIn(data: Uint8Array): number {
    const bytes = this.pendingBytes + data.length
    this.pendingBytes = bytes % MESSAGE_BYTES
    return (bytes - this.pendingBytes) / MESSAGE_BYTES
  }
}

const reply = Buffer.alloc(MESSAGE_BYTES, 'y')

class Replier implements Protocol {
  private readonly splitter = new Splitter()
  private transport!: Transport

  connectionMade(transport: Transport): void {
    this.transport = transport
  }

  dataReceived(data: Buffer): void {
    for (let left = this.splitter.messagesIn(data); left > 0; left--) this.transport.write(reply)
  }
}

async function serveWithNode(isCorked: boolean): Promise<number> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const splitter = new Splitter()
    socket.on('data', (data) => {
      if (isCorked) socket.cork()
      for (let left = splitter.messagesIn(data); left > 0; left--) socket.write(reply)
      if (isCorked) socket.uncork()
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

function* serve(): Coroutine<number> {
  const server = yield* getRunningLoop().createServer(() => new Replier(), '127.0.0.1', 0)
  return server.sockets[0]!.port
}

const arms: readonly ServerArm[] = [
  { name: 'node:net', backend: null, serve: () => serveWithNode(false) },
  { name: 'node:net, corked by hand', backend: null, serve: () => serveWithNode(true) },
  ...onBothBackends('protocol', { serve }),
]

export const pipelined: Scenario = {
  name: 'pipelined',
  title: 'Small messages, 16 in flight on a connection, time for each reply',
  cases: [
    {
      kind: 'server',
      name: '64 B x 50 connections x 16 in flight',
      figure: 'wallNs',
      count: 200_000,
      load: { connections: 50, messageBytes: MESSAGE_BYTES, window: 16 },
      arms,
    },
  ],
}
