// toDuplex: a connection as a stream of Node's does what a net.Socket does.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import {
  createTask,
  type Future,
  getRunningLoop,
  openConnection,
  type Protocol,
  sleep,
  startServer,
} from 'gyre'
import { toDuplex } from 'gyre/node'
import { portOf } from '../net/pair.js'
import { rejectionOf } from '../thrown.js'
import { testAsync, withDuplex } from './duplex_pair.js'

const MIB = 1024 * 1024

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

/** Waits until `condition` holds, looking at it often. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1)
}

/** What changes no more: read again and again until it stays. */
async function settled(read: () => number): Promise<number> {
  let before = -1
  while (before !== read()) {
    before = read()
    for (let i = 0; i < 15; i++) await sleep(2)
  }
  return before
}

testAsync('bytes go through in both directions, in order and whole', () =>
  withDuplex(async ({ duplex, peer }) => {
    const sent = Array.from({ length: 50 }, (_, i) => randomBytes(i * i * 40))
    const written = pipeline(Readable.from(sent, { objectMode: true }), duplex, { end: false })
    const all = Buffer.concat(sent)
    assert.equal(sha256(await peer.reader.readexactly(all.length)), sha256(all))
    await written
    peer.writer.write(all)
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of duplex) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= all.length) break
    }
    assert.equal(sha256(Buffer.concat(chunks)), sha256(all))
    assert.deepEqual([duplex.bytesRead, duplex.bytesWritten], [all.length, all.length])
  }),
)

testAsync('a stream that is not read holds its peer up, with bounded memory', () =>
  withDuplex(async ({ duplex, peer }) => {
    let written = 0
    const pour = async () => {
      while (written < 64 * MIB) {
        peer.writer.write(Buffer.alloc(MIB, 7))
        written += MIB
        await peer.writer.drain()
      }
      peer.writer.writeEof()
    }
    const pouring = pour()
    const stuckAt = await settled(() => written)
    assert.ok(stuckAt < 64 * MIB, `${stuckAt} bytes were written to nobody`)
    // One chunk of the loop's may come on top of the mark.
    assert.ok(duplex.readableLength <= duplex.readableHighWaterMark + MIB)
    let read = 0
    for await (const chunk of duplex) read += chunk.length
    await pouring
    assert.equal(read, 64 * MIB)
  }),
)

testAsync('a peer that does not read holds the stream up', () =>
  withDuplex(async ({ duplex, peer }) => {
    peer.writer.transport.pauseReading()
    let handedOver = 0
    const pour = async () => {
      for (let left = 64; left > 0; left--) {
        handedOver += MIB
        if (!duplex.write(Buffer.alloc(MIB))) await once(duplex, 'drain')
      }
      duplex.end()
    }
    const pouring = pour()
    const stuckAt = await settled(() => handedOver)
    assert.ok(stuckAt < 64 * MIB, `${stuckAt} bytes were written to nobody`)
    assert.ok(duplex.writableLength > 0)
    peer.writer.transport.resumeReading()
    assert.equal((await peer.reader.read()).length, 64 * MIB)
    await pouring
    assert.equal(duplex.bytesWritten, 64 * MIB)
  }),
)

testAsync('nothing whose write was called back for is lost when the stream is destroyed', () =>
  withDuplex(async ({ duplex, peer }) => {
    const data = randomBytes(8 * MIB)
    const called = new Promise((resolve) => duplex.write(data, resolve))
    const reading = createTask(peer.reader.read())
    await called
    duplex.destroy()
    assert.equal(sha256(await reading), sha256(data))
  }),
)

testAsync('end() half-closes: the peer may still answer', () =>
  withDuplex(async ({ duplex, peer }) => {
    duplex.end('question')
    assert.equal((await peer.reader.read()).toString(), 'question')
    peer.writer.write('answer')
    peer.writer.writeEof()
    let answer = ''
    for await (const chunk of duplex) answer += chunk
    assert.equal(answer, 'answer')
    await finished(duplex)
  }),
)

testAsync('the end of the peer ends the stream, as with net.Socket', () =>
  withDuplex(async ({ duplex, peer }) => {
    peer.writer.writeEof()
    // Nobody reads, and 'end' comes all the same, as nothing is there to read.
    await once(duplex, 'end')
    await once(duplex, 'close')
    assert.equal((await peer.reader.read()).length, 0)
    assert.equal(duplex.readyState, 'closed')
  }),
)

testAsync('with allowHalfOpen it goes on writing when the peer has ended', () =>
  withDuplex(
    async ({ duplex, peer }) => {
      peer.writer.write('bye')
      peer.writer.writeEof()
      let received = ''
      for await (const chunk of duplex.iterator({ destroyOnReturn: false })) received += chunk
      assert.equal(received, 'bye')
      assert.equal(duplex.readyState, 'writeOnly')
      duplex.end('and bye')
      assert.equal((await peer.reader.read()).toString(), 'and bye')
    },
    { allowHalfOpen: true },
  ),
)

testAsync('a reset is an error, and then the close', () =>
  withDuplex(async ({ duplex, peer }) => {
    // What the peer has not read when it goes makes the kernel answer with a reset.
    peer.writer.transport.pauseReading()
    duplex.write(Buffer.alloc(16 * MIB))
    await sleep(2)
    const events: string[] = []
    duplex.on('close', () => events.push('close'))
    duplex.on('error', () => events.push('error'))
    peer.writer.transport.abort()
    const error = await rejectionOf(finished(duplex))
    assert.match((error as NodeJS.ErrnoException).code ?? '', /^(ECONNRESET|EPIPE)$/)
    await until(() => events.length === 2)
    assert.deepEqual(events, ['error', 'close'])
  }),
)

testAsync('destroy(error) drops what is unsent, and tells the error once', () =>
  withDuplex(async ({ duplex, peer }) => {
    peer.writer.transport.pauseReading()
    const failing = new Promise<Error | null | undefined>((resolve) => {
      duplex.write(Buffer.alloc(16 * MIB), resolve)
    })
    const reason = new Error('enough')
    duplex.destroy(reason)
    assert.equal(await rejectionOf(finished(duplex)), reason)
    assert.ok((await failing) instanceof Error)
    peer.writer.transport.resumeReading()
    assert.ok((await peer.reader.read()).length < 16 * MIB)
  }),
)

testAsync('what is written to a connection that its transport closed is EPIPE', () =>
  withDuplex(
    async ({ duplex, peer }) => {
      peer.writer.close()
      await once(duplex, 'end')
      duplex.on('error', () => {})
      // The peer answers the first of them with a reset.
      const code = await new Promise<string | undefined>((resolve) => {
        const push = () => {
          duplex.write('more', (error) => {
            if (error) resolve((error as NodeJS.ErrnoException).code)
            else setTimeout(push, 1)
          })
        }
        push()
      })
      assert.match(code ?? '', /^(EPIPE|ECONNRESET|ERR_STREAM_DESTROYED)$/)
    },
    { allowHalfOpen: true },
  ),
)

testAsync('it knows the addresses, states and counts of its connection', () =>
  withDuplex(async ({ duplex, server, peer }) => {
    assert.deepEqual(
      [duplex.remoteAddress, duplex.remotePort, duplex.remoteFamily],
      ['127.0.0.1', portOf(server), 'IPv4'],
    )
    const [host, port] = peer.writer.getExtraInfo('peername')!
    assert.deepEqual([duplex.localAddress, duplex.localPort], [host, port])
    assert.deepEqual(duplex.address(), { address: host, port, family: 'IPv4' })
    assert.equal(duplex.localFamily, 'IPv4')
    assert.deepEqual(
      [duplex.connecting, duplex.pending, duplex.readyState, duplex.encrypted],
      [false, false, 'open', false],
    )
    assert.equal(duplex.setNoDelay().setNoDelay(false).setKeepAlive(true, 5_000), duplex)
    for (const delay of [-1, Number.NaN, 1e12]) duplex.setKeepAlive(true, delay)
    assert.equal(duplex.ref().unref(), duplex)
  }),
)

testAsync("'timeout' comes when nothing is read or written, and each time again", () =>
  withDuplex(async ({ duplex, peer }) => {
    let called = 0
    duplex.on('timeout', () => called++)
    assert.equal(duplex.timeout, undefined)
    duplex.setTimeout(15)
    assert.equal(duplex.timeout, 15)
    await once(duplex, 'timeout')
    assert.equal(duplex.destroyed, false)
    peer.writer.write('x')
    await once(duplex, 'readable')
    await once(duplex, 'timeout')
    assert.equal(called, 2)
    const never = () => assert.fail('called after it was switched off')
    duplex.setTimeout(20, never)
    duplex.setTimeout(0, never)
    for (let i = 0; i < 10; i++) await sleep(4)
    // More than a timer of Node's can wait for.
    duplex.setTimeout(2 ** 31)
    for (let i = 0; i < 5; i++) await sleep(4)
    assert.equal(called, 2)
    assert.throws(() => duplex.setTimeout(-1), { code: 'ERR_OUT_OF_RANGE' })
    assert.throws(() => duplex.setTimeout('1' as never), { code: 'ERR_INVALID_ARG_TYPE' })
  }),
)

testAsync('destroySoon() sends what waits first', () =>
  withDuplex(async ({ duplex, peer }) => {
    const data = randomBytes(4 * MIB)
    duplex.write(data)
    duplex.destroySoon()
    assert.equal(sha256(await peer.reader.read()), sha256(data))
    assert.equal(duplex.destroyed, true)
  }),
)

testAsync('what a reader had received and nobody read comes first', async () => {
  const server = await startServer(
    async (_reader, writer) => {
      writer.write('line\nrest')
      writer.writeEof()
    },
    { host: '127.0.0.1', port: 0 },
  )
  const { reader, writer } = await openConnection('127.0.0.1', portOf(server))
  assert.equal((await reader.readline()).toString(), 'line\n')
  const duplex = toDuplex({ reader, writer }, { allowHalfOpen: true })
  let rest = ''
  for await (const chunk of duplex) rest += chunk
  assert.equal(rest, 'rest')
  // Node 24 leaves a half-open stream to whoever went through it, the others destroy it there.
  duplex.destroy()
  // Whoever waits for the writer still hears of the end.
  await writer.waitClosed()
  server.close()
  server.abortClients()
  await server.waitClosed()
})

testAsync('a connection that is being made takes writes, and says when it is there', async () => {
  const server = await startServer(
    async (reader, writer) => {
      writer.write((await reader.readexactly(5)).toString().toUpperCase())
      writer.close()
    },
    { host: '127.0.0.1', port: 0 },
  )
  for (const connecting of [
    openConnection('127.0.0.1', portOf(server)),
    getRunningLoop().createConnection((): Protocol => ({}), '127.0.0.1', portOf(server)),
    Promise.resolve(openConnection('127.0.0.1', portOf(server))),
  ]) {
    const duplex = toDuplex(connecting as Future<never>)
    const events: string[] = []
    for (const name of ['connect', 'ready', 'data', 'end', 'close']) {
      duplex.on(name, () => events.push(name))
    }
    assert.deepEqual([duplex.connecting, duplex.pending], [true, true])
    assert.equal(duplex.readyState, 'opening')
    duplex.setNoDelay(true).write('hello')
    await once(duplex, 'close')
    assert.deepEqual(events, ['connect', 'ready', 'data', 'end', 'close'])
  }
  server.close()
  await server.waitClosed()
})

testAsync('a connection that cannot be made is the error of the stream', async () => {
  const server = await startServer(async () => {}, { host: '127.0.0.1', port: 0 })
  const port = portOf(server)
  server.close()
  await server.waitClosed()
  const duplex = toDuplex(openConnection('127.0.0.1', port))
  const written = new Promise<Error | null | undefined>((resolve) => duplex.write('x', resolve))
  const error = await rejectionOf(finished(duplex))
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  assert.equal(await written, error)
})

testAsync('destroying a stream that connects gives the connection up', async () => {
  let accepted = 0
  const server = await startServer(
    async (reader, writer) => {
      accepted++
      await reader.read()
      writer.close()
    },
    { host: '127.0.0.1', port: 0 },
  )
  const connecting = openConnection('127.0.0.1', portOf(server))
  const duplex = toDuplex(connecting)
  duplex.destroy()
  await once(duplex, 'close')
  await rejectionOf(connecting)
  assert.equal(connecting.cancelled(), true)
  // A promise cannot be cancelled: what it brings is dropped.
  const late = toDuplex(Promise.resolve(openConnection('127.0.0.1', portOf(server))))
  late.destroy()
  await once(late, 'close')
  server.close()
  await server.waitClosed()
  assert.ok(accepted <= 2)
})

testAsync('what the transport refuses to write is an error of the stream', () =>
  withDuplex(async ({ peer }) => {
    const { transport } = peer.writer
    transport.writeEof()
    const duplex = toDuplex(transport, { allowHalfOpen: true })
    const failed = once(duplex, 'error')
    const called = new Promise((resolve) => duplex.write('too late', resolve))
    const [error] = await failed
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_WRITE_AFTER_EOF')
    assert.equal(await called, error)
    assert.equal(duplex.bytesWritten, 0)
  }),
)

testAsync('connect() of drivers that dial by themselves is answered', () =>
  withDuplex(async ({ duplex }) => {
    const called = new Promise<void>((resolve) => duplex.connect(1, 'nowhere', resolve))
    await Promise.all([once(duplex, 'connect'), once(duplex, 'ready'), called])
  }),
)

testAsync('what is no connection, or is closing, is refused', () =>
  withDuplex(async ({ duplex, peer }) => {
    for (const source of [null, undefined, 5, {}, { reader: 1 }, { reader: 1, writer: 2 }]) {
      assert.throws(() => toDuplex(source as never), { code: 'ERR_INVALID_ARG_TYPE' })
    }
    const { transport } = peer.writer
    assert.throws(() => toDuplex(transport, { highWaterMark: -1 }), { code: 'ERR_OUT_OF_RANGE' })
    assert.throws(() => toDuplex(transport, null as never), { code: 'ERR_INVALID_ARG_TYPE' })
    transport.close()
    assert.throws(() => toDuplex(transport), { code: 'ERR_TRANSPORT_CLOSED' })
    const failing = toDuplex(Promise.resolve({ transport, protocol: {} }))
    const error = await rejectionOf(finished(failing))
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_TRANSPORT_CLOSED')
    duplex.destroy()
  }),
)
