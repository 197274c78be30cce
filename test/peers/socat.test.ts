// socat at the other end: Unix sockets, by path and by abstract name, and half-closed connections.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  backendInfo,
  openConnection,
  openUnixConnection,
  run,
  type StreamReader,
  type StreamWriter,
  startServer,
  startUnixServer,
} from 'gyre'
import { freePort, type Peers, testWithPeers } from './peer.js'

const BYTES = 1024 * 1024

/** Answers only when the other half is closed, with what it got, backwards. */
async function answerAtTheEnd(reader: StreamReader, writer: StreamWriter): Promise<void> {
  const data = await reader.read()
  writer.write(Buffer.from(data).reverse())
  await writer.drain()
  writer.close()
}

/** What socat sends to `address` comes back through it. */
async function askBySocat(peers: Peers, address: string): Promise<void> {
  const input = randomBytes(BYTES)
  // -t: how long it waits for the answer when its input has ended.
  const peer = await peers.start('socat', ['-t', '20', '-', address], { input })
  assert.equal(await peer.ended, 0, String(peer.stderr))
  assert.deepEqual(peer.stdout, Buffer.from(input).reverse())
}

/** What is sent to socat's `cat` comes back, behind the end that we write. */
async function askCat(open: () => ReturnType<typeof openConnection>): Promise<void> {
  const { reader, writer } = await open()
  const data = randomBytes(BYTES)
  writer.write(data)
  writer.writeEof()
  assert.deepEqual(await reader.read(), data)
  writer.close()
  await writer.waitClosed()
}

testWithPeers(
  ['socat'],
  'socat half-closes a TCP connection and gets its answer',
  async (peers) => {
    await run(async () => {
      const server = await startServer(answerAtTheEnd, '127.0.0.1', 0)
      await askBySocat(peers, `TCP:127.0.0.1:${server.sockets[0]!.port}`)
      server.close()
      await server.waitClosed()
    })
  },
)

testWithPeers(['socat'], 'socat gets its answer over a Unix socket', async (peers) => {
  const path = peers.path('s')
  await run(async () => {
    const server = await startUnixServer(answerAtTheEnd, path)
    await askBySocat(peers, `UNIX-CONNECT:${path}`)
    server.close()
    await server.waitClosed()
  })
  assert.equal(existsSync(path), false)
})

testWithPeers(['socat'], 'a TCP server of socat sends back behind our end', async (peers) => {
  const port = await freePort()
  const listen = `TCP-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork`
  await peers.start('socat', ['-t', '20', listen, 'EXEC:cat'], { ready: { listensOn: port } })
  await run(() => askCat(() => openConnection('127.0.0.1', port)))
})

testWithPeers(['socat'], 'a Unix server of socat sends back behind our end', async (peers) => {
  const path = peers.path('s')
  const listen = `UNIX-LISTEN:${path},fork`
  await peers.start('socat', ['-d', '-d', '-t', '20', listen, 'EXEC:cat'], {
    ready: { prints: /listening/ },
  })
  await run(() => askCat(() => openUnixConnection(path)))
})

if (backendInfo().name === 'native') {
  testWithPeers(['socat'], 'abstract names mean the same to socat', async (peers) => {
    const name = `gyre-socat-${process.pid}`
    await run(async () => {
      const server = await startUnixServer(answerAtTheEnd, `\0${name}`)
      await askBySocat(peers, `ABSTRACT-CONNECT:${name}`)
      server.close()
      await server.waitClosed()
    })
    const listen = `ABSTRACT-LISTEN:${name}-2,fork`
    await peers.start('socat', ['-d', '-d', '-t', '20', listen, 'EXEC:cat'], {
      ready: { prints: /listening/ },
    })
    await run(() => askCat(() => openUnixConnection(`\0${name}-2`)))
  })
}
