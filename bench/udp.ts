// UDP echo: what one datagram and its answer cost a server.

import dgram from 'node:dgram'
import { once } from 'node:events'
import {
  type Coroutine,
  type DatagramProtocol,
  type DatagramTransport,
  getRunningLoop,
  type SocketName,
} from 'gyre'
import { cPeer } from './peer.js'
import { onBothBackends, type Scenario, type ServerArm, type ServerCase } from './scenario.js'

class DatagramEcho implements DatagramProtocol {
  private transport!: DatagramTransport

  connectionMade(transport: DatagramTransport): void {
    this.transport = transport
  }

  datagramReceived(data: Buffer, addr: SocketName): void {
    this.transport.sendto(data, addr)
  }
}

async function serveWithNode(): Promise<number> {
  const socket = dgram.createSocket('udp4')
  socket.on('message', (data, { address, port }) => socket.send(data, port, address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket.address().port
}

function* serve(): Coroutine<number> {
  const localAddr = ['127.0.0.1', 0] as const
  const loop = getRunningLoop()
  const { transport } = yield* loop.createDatagramEndpoint(() => new DatagramEcho(), { localAddr })
  return transport.getExtraInfo('sockname')!.port
}

const arms: readonly ServerArm[] = [
  { name: 'node:dgram', backend: null, serve: serveWithNode },
  { name: 'C, recvfrom and sendto', backend: null, peer: cPeer('datagram_echo.c', 'each') },
  { name: 'C, recvmmsg and sendmmsg', backend: null, peer: cPeer('datagram_echo.c') },
  ...onBothBackends('protocol', { serve }),
]

/** All that is in flight must fit one socket's receive buffer, 208 KiB where nobody changed it. */
function underLoad(
  datagramBytes: number,
  sockets: number,
  window: number,
  count = 40_000,
): ServerCase {
  const load = { sockets, datagramBytes, window }
  const name = `${datagramBytes} B, ${sockets} x ${window} in flight`
  return { kind: 'server', name, load, count, arms }
}

export const udp: Scenario = {
  name: 'udp',
  title: 'UDP echo server, CPU time of the server for each datagram',
  cases: [
    underLoad(64, 8, 8),
    underLoad(1024, 8, 8),
    underLoad(64, 100, 1),
    underLoad(64, 1, 1, 5000),
  ],
}
