// fromDuplex: streams of Node's as connections.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { Duplex, duplexPair, PassThrough } from 'node:stream'
import test from 'node:test'
import { createTask, newEventLoop, run, sleep } from 'gyre'
import { fromDuplex, toDuplex } from 'gyre/node'
import { Recorder } from '../net/recorder.js'
import { rejectionOf } from '../thrown.js'
import { testAsync } from './duplex_pair.js'

const MIB = 1024 * 1024

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

/** The two ends of a TCP connection of node:net. */
async function socketPair(): Promise<{ client: net.Socket; accepted: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')])
  server.close()
  return { client, accepted: accepted as net.Socket }
}

testAsync(
  'a stream that hands its chunks on keeps what was written, whatever is written next',
  async () => {
    const handed: Buffer[] = []
    const stream = new Duplex({
      writableHighWaterMark: MIB,
      read() {},
      write(chunk, _encoding, written) {
        handed.push(chunk)
        written()
      },
    })
    const { writer } = fromDuplex(stream)
    const written: Buffer[] = []
    for (let i = 0; i < 8; i++) {
      for (const bytes of [100, 5000, 50_000]) {
        const data = Buffer.alloc(bytes, 'a'.charCodeAt(0) + i)
        written.push(data)
        writer.write(data)
        await sleep(1)
      }
    }
    assert.ok(Buffer.concat(handed).equals(Buffer.concat(written)))
    writer.transport.abort()
  },
)

testAsync('reader and writer of a net.Socket talk, end and close', async () => {
  const { client, accepted } = await socketPair()
  const { reader, writer } = fromDuplex(client)
  assert.equal(writer.getExtraInfo('peername')?.port, client.remotePort)
  assert.equal(writer.getExtraInfo('sockname')?.address, '127.0.0.1')
  const sent = randomBytes(3 * MIB)
  accepted.end(sent)
  assert.equal(sha256(await reader.readexactly(sent.length)), sha256(sent))
  assert.equal((await reader.read()).length, 0)
  writer.write('line\n')
  writer.writeEof()
  let received = ''
  for await (const chunk of accepted) received += chunk
  assert.equal(received, 'line\n')
  writer.close()
  await writer.waitClosed()
  assert.equal(client.destroyed, true)
})

testAsync(
  'drain() waits for a stream that takes no more, and a full reader pauses it',
  async () => {
    const [left, right] = duplexPair()
    const { reader, writer } = fromDuplex(left, { limit: 1000 })
    writer.write(Buffer.alloc(MIB))
    const draining = createTask(writer.drain())
    for (let i = 0; i < 10; i++) await sleep(1)
    assert.equal(draining.done(), false)
    right.resume()
    await draining
    right.write(Buffer.alloc(MIB))
    for (let i = 0; i < 10; i++) await sleep(1)
    assert.equal(left.isPaused(), true)
    assert.equal((await reader.readexactly(MIB)).length, MIB)
    writer.close()
    await writer.waitClosed()
  },
)

testAsync('what was read stays as it is when the stream uses its memory again', async () => {
  const memory = Buffer.alloc(64 * 1024)
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const { reader, writer } = fromDuplex(stream)
  const chunks: Buffer[] = []
  for (const letter of ['a', 'b', 'c']) {
    memory.fill(letter)
    stream.push(memory)
    chunks.push(await reader.read(memory.length))
  }
  assert.deepEqual(
    chunks.map((chunk) => chunk.toString('latin1')),
    ['a', 'b', 'c'].map((letter) => letter.repeat(memory.length)),
  )
  writer.close()
  await writer.waitClosed()
})

testAsync('a protocol on a stream is told what it is told of any connection', async () => {
  const [left, right] = duplexPair()
  const { transport, protocol } = fromDuplex(left, () => new Recorder())
  assert.deepEqual(protocol.calls, [])
  right.write('early')
  while (protocol.received.length === 0) await sleep(1)
  assert.equal(protocol.transport, transport)
  protocol.inside(() => transport.pauseReading())
  right.write(' late')
  for (let i = 0; i < 5; i++) await sleep(1)
  const before = protocol.received.toString()
  protocol.inside(() => transport.resumeReading())
  right.resume().end()
  while (!protocol.isLost) await sleep(1)
  assert.equal(before, 'early')
  assert.equal(protocol.received.toString(), 'early late')
  assert.equal(protocol.lostWith, null)
  assert.deepEqual(protocol.phases, [
    'connectionMade',
    'dataReceived',
    'eofReceived',
    'connectionLost',
  ])
  assert.deepEqual(protocol.nested, [])
})

testAsync('the error of the stream ends the connection, at every waiter', async () => {
  const [left] = duplexPair()
  const { reader, writer } = fromDuplex(left)
  const reason = Object.assign(new Error('cut'), { code: 'ECUT' })
  const reading = createTask(reader.read(1))
  await sleep(1)
  left.destroy(reason)
  assert.equal(await rejectionOf(reading), reason)
  assert.equal(await rejectionOf(writer.waitClosed()), reason)
})

testAsync('a stream that somebody else destroys is no proper end', async () => {
  const [left] = duplexPair()
  const { reader, writer } = fromDuplex(left)
  left.destroy()
  const error = await rejectionOf(reader.read())
  assert.equal((error as NodeJS.ErrnoException).code, 'ERR_STREAM_PREMATURE_CLOSE')
  assert.equal(await rejectionOf(writer.waitClosed()), error)
})

testAsync('abort() destroys the stream, and the connection ends without an error', async () => {
  const [left, right] = duplexPair()
  right.on('error', () => {})
  const { writer } = fromDuplex(left)
  writer.write(Buffer.alloc(MIB))
  writer.transport.abort()
  await writer.waitClosed()
  assert.equal(left.destroyed, true)
})

for (const end of ['run', 'runUntilComplete and close'] as const) {
  test(`a stream ends with the loop that it was given to, by ${end}`, async () => {
    const { client, accepted } = await socketPair()
    const closed = once(client, 'close')
    const main = async () => {
      const { reader, writer } = fromDuplex(client)
      writer.write('hello')
      const [sent] = (await once(accepted, 'data')) as [Buffer]
      assert.equal(sent.toString(), 'hello')
      accepted.write('x')
      assert.equal((await reader.readexactly(1)).toString(), 'x')
    }
    if (end === 'run') {
      await run(main)
    } else {
      const loop = newEventLoop()
      await loop.runUntilComplete(main)
      assert.equal(client.destroyed, false)
      loop.close()
    }
    assert.equal(client.destroyed, true)
    await closed
    accepted.destroy()
  })
}

testAsync('there and back: a duplex of a connection on a duplex', async () => {
  const [left, right] = duplexPair()
  const { reader, writer } = fromDuplex(right)
  const there = fromDuplex(left, () => new Recorder())
  await sleep(1)
  const duplex = toDuplex(there)
  const sent = randomBytes(MIB)
  duplex.end(sent)
  assert.equal(sha256(await reader.read()), sha256(sent))
  writer.write('back')
  writer.close()
  let received = ''
  for await (const chunk of duplex) received += chunk
  assert.equal(received, 'back')
  await writer.waitClosed()
})

testAsync('what is no stream of bytes, or has ended, is refused', async () => {
  const code = 'ERR_INVALID_ARG_TYPE'
  for (const stream of [null, {}, process.stdin.constructor, new EventTarget()]) {
    assert.throws(() => fromDuplex(stream as never), { code })
  }
  assert.throws(() => fromDuplex(new PassThrough({ objectMode: true })), { code })
  assert.throws(() => fromDuplex(new PassThrough().setEncoding('utf8')), { code })
  assert.throws(() => fromDuplex(new PassThrough(), null as never), { code })
  assert.throws(() => fromDuplex(new PassThrough(), () => null as never), { code })
  assert.throws(() => fromDuplex(new PassThrough(), { limit: 0 }), { code: 'ERR_OUT_OF_RANGE' })
  const ended = new PassThrough()
  ended.end()
  assert.throws(() => fromDuplex(ended), { code: 'ERR_TRANSPORT_CLOSED' })
  const destroyed = new Duplex()
  destroyed.destroy()
  assert.throws(() => fromDuplex(destroyed), { code: 'ERR_TRANSPORT_CLOSED' })
})
