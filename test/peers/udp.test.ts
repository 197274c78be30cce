// UDP with programs of other people at the other end: socat and CPython's asyncio, in both directions.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Coroutine, type DatagramProtocol, getRunningLoop, run, sleep } from 'gyre'
import { openEndpoint } from '../net/datagram_recorder.js'
import { testWithPeers } from './peer.js'

const DATAGRAMS = 50

/** Echoes datagrams; says so when it listens. */
const SERVER = `
import asyncio, sys
class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)
async def main():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Echo, local_addr=('127.0.0.1', int(sys.argv[1])))
    print('ready', flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
`

/** Sends datagrams one by one, each when the last one is back, and prints what came back. */
const CLIENT = `
import asyncio, sys
async def main():
    loop = asyncio.get_running_loop()
    answers = asyncio.Queue()
    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            answers.put_nowait(data)
    transport, _ = await loop.create_datagram_endpoint(
        Client, remote_addr=('127.0.0.1', int(sys.argv[1])))
    # Before 3.13 asyncio sent no empty ones.
    for i in range(1, int(sys.argv[2])):
        transport.sendto(b'%d' % i * i)
        assert await answers.get() == b'%d' % i * i
    print('all came back')
asyncio.run(main())
`

/** A UDP port that was free just now. */
async function freeUdpPort(): Promise<string> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return String(port)
}

/** Sends to an echo server that may not listen yet, until all has come back. */
function* askForEcho(port: string): Coroutine<void> {
  const client = yield* openEndpoint({ remoteAddr: ['127.0.0.1', Number(port)] })
  while (client.datagrams.length === 0) {
    client.transport.sendto('anybody?')
    yield* sleep(20)
  }
  const before = client.datagrams.length
  const sent = Array.from({ length: DATAGRAMS }, (_, i) => `${i}`.repeat(i + 1))
  for (const text of sent) client.transport.sendto(text)
  yield* client.until(() => client.texts.includes(sent.at(-1)!))
  const answers = client.texts.slice(before).filter((text) => text !== 'anybody?')
  assert.deepEqual(answers, sent)
  client.transport.abort()
}

testWithPeers(['python3'], "CPython's asyncio echoes our datagrams", async (peers) => {
  const port = await freeUdpPort()
  await peers.start('python3', ['-c', SERVER, port], { ready: { prints: /ready/ } })
  await run(() => askForEcho(port))
})

testWithPeers(['python3'], "CPython's asyncio gets its datagrams back from us", async (peers) => {
  await run(async () => {
    const server = await openServer()
    const peer = await peers.start('python3', ['-c', CLIENT, server.port, String(DATAGRAMS)])
    assert.equal(await peer.ended, 0, String(peer.stderr))
    assert.match(String(peer.stdout), /all came back/)
    server.close()
  })
})

testWithPeers(['socat'], 'socat echoes our datagrams', async (peers) => {
  const port = await freeUdpPort()
  await peers.start('socat', ['-T', '30', `UDP4-RECVFROM:${port},bind=127.0.0.1,fork`, 'PIPE'])
  await run(function* () {
    const client = yield* openEndpoint({ remoteAddr: ['127.0.0.1', Number(port)] })
    // A process for each datagram: one at a time keeps them in order.
    for (let i = 0; i < 5; i++) {
      const text = `datagram ${i}`
      while (!client.texts.includes(text)) {
        client.transport.sendto(text)
        yield* sleep(50)
      }
    }
    client.transport.abort()
  })
})

testWithPeers(
  ['socat'],
  'what socat reads becomes a datagram, and our answer is printed',
  async (peers) => {
    await run(async () => {
      const server = await openServer()
      const peer = await peers.start(
        'socat',
        ['-t', '5', '-T', '5', 'STDIO', `UDP4:127.0.0.1:${server.port}`],
        { input: 'from socat' },
      )
      while (!String(peer.stdout).includes('from socat')) await sleep(10)
      server.close()
      await peer.ended
    })
  },
)

/** An echo server of ours. */
async function openServer(): Promise<{ port: string; close(): void }> {
  const echo: DatagramProtocol = {
    datagramReceived: (data, addr) => transport.sendto(data, addr),
  }
  const { transport } = await getRunningLoop().createDatagramEndpoint(() => echo, {
    localAddr: ['127.0.0.1', 0],
  })
  const { port } = transport.getExtraInfo('sockname')!
  return { port: String(port), close: () => transport.close() }
}
