// CPython's asyncio streams at the other end: as a server and as a client, both directions at once,
// compared by hash.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createTask, openConnection, run, type StreamReader, startServer } from 'gyre'
import { freePort, type Peers, testWithPeers } from './peer.js'

const BYTES = 8 * 1024 * 1024

/** Echoes what comes, until its end; says so when it listens. */
const SERVER = `
import asyncio, sys
async def echo(reader, writer):
    while data := await reader.read(100_000):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, '127.0.0.1', int(sys.argv[1]))
    print('ready', flush=True)
    await server.serve_forever()
asyncio.run(main())
`

/** Sends bytes of its own, shuts its half, and prints the hashes of what it sent and received. */
const CLIENT = `
import asyncio, hashlib, random, sys
async def main():
    reader, writer = await asyncio.open_connection('127.0.0.1', int(sys.argv[1]))
    sent, received = hashlib.sha256(), hashlib.sha256()
    async def send():
        left = int(sys.argv[2])
        while left > 0:
            data = random.randbytes(min(left, random.randrange(1, 200_000)))
            left -= len(data)
            sent.update(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    sending = asyncio.create_task(send())
    while data := await reader.read(65536):
        received.update(data)
    await sending
    writer.close()
    print(sent.hexdigest(), received.hexdigest())
asyncio.run(main())
`

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

async function readAll(reader: StreamReader): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of reader) hash.update(chunk)
  return hash.digest('hex')
}

testWithPeers(['python3'], "CPython's asyncio echoes eight mebibytes to us", async (peers) => {
  const port = await freePort()
  await peers.start('python3', ['-c', SERVER, String(port)], { ready: { prints: /ready/ } })
  await run(async () => {
    const { reader, writer } = await openConnection('127.0.0.1', port)
    const data = randomBytes(BYTES)
    const reading = createTask(() => readAll(reader))
    for (let offset = 0; offset < BYTES; offset += 300_000) {
      writer.write(data.subarray(offset, offset + 300_000))
      await writer.drain()
    }
    writer.writeEof()
    assert.equal(await reading, sha256(data))
    writer.close()
    await writer.waitClosed()
  })
})

async function serveClient(peers: Peers): Promise<void> {
  const server = await startServer(
    async (reader, writer) => {
      for await (const chunk of reader) {
        writer.write(chunk)
        await writer.drain()
      }
      writer.close()
    },
    '127.0.0.1',
    0,
  )
  const port = server.sockets[0]!.port
  const peer = await peers.start('python3', ['-c', CLIENT, String(port), String(BYTES)])
  assert.equal(await peer.ended, 0, String(peer.stderr))
  const [sent, received] = String(peer.stdout).trim().split(' ')
  assert.match(sent!, /^[0-9a-f]{64}$/)
  assert.equal(received, sent)
  server.close()
  await server.waitClosed()
}

testWithPeers(['python3'], "CPython's asyncio gets back what it sent to us", async (peers) => {
  await run(() => serveClient(peers))
})
