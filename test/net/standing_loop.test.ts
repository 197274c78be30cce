// What is written while the loop of a transport stands still, or right before it is closed: it is sent, as
// asyncio's transports send in the call. The peers are Node's own, which need no loop of Gyre's.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import test from 'node:test'
import { newEventLoop, openConnection, type StreamWriter } from 'gyre'

const OPTIONS = { timeout: 20_000 }

async function listening(): Promise<{ server: Server; port: number; received: () => Buffer[] }> {
  const chunks: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('data', (data) => chunks.push(data))
    socket.on('error', () => {})
    socket.on('close', () => server.emit('lost'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port, received: () => chunks }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('what is written while the loop stands still is sent', OPTIONS, async () => {
  const { server, port, received } = await listening()
  const loop = newEventLoop()
  const { writer } = await loop.runUntilComplete(() => openConnection({ host: '127.0.0.1', port }))
  for (const text of ['one', 'two', 'three']) {
    const before = Buffer.concat(received()).length
    writer.write(text)
    await until(() => Buffer.concat(received()).length === before + text.length)
  }
  assert.equal(String(Buffer.concat(received())), 'onetwothree')
  loop.close()
  server.close()
})

test(
  'what the last step of a run writes is sent, though the loop does not run on',
  OPTIONS,
  async () => {
    const { server, port, received } = await listening()
    const loop = newEventLoop()
    await loop.runUntilComplete(async () => {
      const { writer } = await openConnection({ host: '127.0.0.1', port })
      await new Promise((resolve) => setImmediate(resolve))
      writer.write('the last word')
    })
    await until(() => String(Buffer.concat(received())) === 'the last word')
    loop.close()
    server.close()
  },
)

test('what is written right before the loop is closed is sent', OPTIONS, async () => {
  const { server, port, received } = await listening()
  const loop = newEventLoop()
  let writer!: StreamWriter
  await loop.runUntilComplete(async () => {
    writer = (await openConnection({ host: '127.0.0.1', port })).writer
  })
  const lost = once(server, 'lost')
  writer.write('goodbye')
  loop.close()
  await lost
  assert.equal(String(Buffer.concat(received())), 'goodbye')
  writer.write('too late')
  server.close()
})

test('a datagram that is sent while the loop stands still goes out', OPTIONS, async () => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const loop = newEventLoop()
  const { transport } = await loop.runUntilComplete(
    loop.createDatagramEndpoint(() => ({}), {
      remoteAddr: ['127.0.0.1', socket.address().port],
    }),
  )
  const arrived = once(socket, 'message')
  transport.sendto('from afar')
  assert.equal(String((await arrived)[0]), 'from afar')
  loop.close()
  socket.close()
})
