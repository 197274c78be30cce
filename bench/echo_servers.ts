// Echo servers: by protocol and by streams on Gyre, and those they are compared with.

import { once } from 'node:events'
import net from 'node:net'
import {
  type Coroutine,
  getRunningLoop,
  type Protocol,
  type Server,
  type StreamReader,
  type StreamWriter,
  startServer,
  type Transport,
} from 'gyre'
import { cPeer, probedPeer, pythonPeer } from './peer.js'
import { onBothBackends, type ServerArm } from './scenario.js'

/** As much as the C server offers to a recv: a message that is read in two is sent in two. */
const READ_BYTES = 256 * 1024

export class EchoProtocol implements Protocol {
  private transport!: Transport

  connectionMade(transport: Transport): void {
    this.transport = transport
  }

  dataReceived(data: Buffer): void {
    this.transport.write(data)
  }
}

export function* echoByGenerator(reader: StreamReader, writer: StreamWriter): Coroutine<void> {
  for (;;) {
    const data = yield* reader.read(READ_BYTES)
    if (data.length === 0) break
    writer.write(data)
    yield* writer.drain()
  }
  writer.close()
}

async function echoByAsyncFunction(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (;;) {
    const data = await reader.read(READ_BYTES)
    if (data.length === 0) break
    writer.write(data)
    await writer.drain()
  }
  writer.close()
}

function echoByEvents(socket: net.Socket): void {
  socket.on('data', (data) => socket.write(data))
  socket.on('error', () => {})
}

/** What a handler on streams is in plain Node. */
async function echoByIteration(socket: net.Socket): Promise<void> {
  for await (const data of socket) {
    if (!socket.write(data)) await once(socket, 'drain')
  }
}

async function serveWithNode(handle: (socket: net.Socket) => unknown): Promise<number> {
  const server = net.createServer({ noDelay: true }, handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}

function portOf(server: Server): number {
  return server.sockets[0]!.port
}

function* serveByProtocol(): Coroutine<number> {
  return portOf(yield* getRunningLoop().createServer(() => new EchoProtocol(), '127.0.0.1', 0))
}

function* serveByGenerator(): Coroutine<number> {
  return portOf(yield* startServer(echoByGenerator, '127.0.0.1', 0))
}

function* serveByBorrowing(): Coroutine<number> {
  return portOf(yield* startServer(echoByGenerator, '127.0.0.1', 0, { borrow: true }))
}

function* serveByAsyncFunction(): Coroutine<number> {
  return portOf(yield* startServer(echoByAsyncFunction, '127.0.0.1', 0))
}

/** The first is what the others are compared with. */
export const echoServers: readonly ServerArm[] = [
  { name: 'node:net', backend: null, serve: () => serveWithNode(echoByEvents) },
  { name: 'node:net, for await', backend: null, serve: () => serveWithNode(echoByIteration) },
  ...onBothBackends('protocol', { serve: serveByProtocol }),
  ...onBothBackends('streams, generator', { serve: serveByGenerator }),
  ...onBothBackends('streams, borrowing', { serve: serveByBorrowing }),
  ...onBothBackends('streams, async', { serve: serveByAsyncFunction }),
  { name: 'C, epoll', backend: null, peer: cPeer('echo.c') },
  { name: 'C, io_uring', backend: null, peer: probedPeer('echo_uring.c') },
  {
    name: 'uvloop protocol',
    backend: null,
    peer: pythonPeer('echo.py', 'uvloop', 'uvloop', 'protocol'),
  },
  {
    name: 'uvloop streams',
    backend: null,
    peer: pythonPeer('echo.py', 'uvloop', 'uvloop', 'streams'),
  },
  {
    name: 'asyncio protocol',
    backend: null,
    peer: pythonPeer('echo.py', 'asyncio', 'asyncio', 'protocol'),
  },
]
