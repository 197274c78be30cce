// toWeb: reader and writer as streams of the web.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import {
  type Coroutine,
  getRunningLoop,
  openConnection,
  type Server,
  type StreamPair,
  sleep,
  startServer,
  type TlsServerOptions,
} from 'gyre'
import { fromDuplex, toWeb, type WebStreamPair } from 'gyre/node'
import { portOf } from '../net/pair.js'
import { rejectionOf } from '../thrown.js'
import { ca, server as identity } from '../tls/certificates.js'
import { testAsync } from './duplex_pair.js'

const MIB = 1024 * 1024

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

interface WebPair {
  web: WebStreamPair
  own: StreamPair
  peer: StreamPair
}

/** A connection whose client end is a pair of web streams; dropped behind `body`. */
async function withWeb(
  body: (pair: WebPair) => Promise<void>,
  tls?: TlsServerOptions,
): Promise<void> {
  const accepted = getRunningLoop().createFuture<StreamPair>()
  const server: Server = await startServer(
    function* (reader, writer): Coroutine<void> {
      accepted.setResult(Object.assign([reader, writer] as const, { reader, writer }))
    },
    { host: '127.0.0.1', port: 0, tls },
  )
  const own = await openConnection({
    host: '127.0.0.1',
    port: portOf(server),
    tls: tls && { ca },
  })
  const peer = await accepted
  try {
    await body({ web: toWeb(own), own, peer })
  } finally {
    own.writer.transport.abort()
    peer.writer.transport.abort()
    server.close()
    await server.waitClosed()
  }
}

async function allOf(readable: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readable) chunks.push(chunk)
  return Buffer.concat(chunks)
}

testAsync('bytes go through in both directions, and both ends are told', () =>
  withWeb(async ({ web, own, peer }) => {
    const sent = randomBytes(3 * MIB)
    const writing = (async () => {
      const writer = web.writable.getWriter()
      for (let at = 0; at < sent.length; at += 100_000) {
        await writer.write(sent.subarray(at, at + 100_000))
      }
      await writer.close()
    })()
    assert.equal(sha256(await peer.reader.read()), sha256(sent))
    await writing
    peer.writer.write(sent)
    peer.writer.close()
    assert.equal(sha256(await allOf(web.readable)), sha256(sent))
    // Both are over: the connection is closed with nobody's doing.
    await own.writer.waitClosed()
  }),
)

testAsync('a BYOB reader fills the memory that it is given', () =>
  withWeb(async ({ web, peer }) => {
    peer.writer.write('0123456789')
    peer.writer.writeEof()
    const reader = web.readable.getReader({ mode: 'byob' })
    const first = await reader.read(new Uint8Array(4))
    assert.deepEqual([Buffer.from(first.value!).toString(), first.done], ['0123', false])
    const second = await reader.read(new Uint8Array(100))
    assert.equal(Buffer.from(second.value!).toString(), '456789')
    assert.equal((await reader.read(new Uint8Array(4))).done, true)
  }),
)

testAsync('nothing is read before somebody asks', () =>
  withWeb(async ({ peer, own }) => {
    let written = 0
    const pouring = (async () => {
      while (written < 64 * MIB) {
        peer.writer.write(Buffer.alloc(MIB))
        written += MIB
        await peer.writer.drain()
      }
    })()
    let before = -1
    while (before !== written) {
      before = written
      for (let i = 0; i < 15; i++) await sleep(2)
    }
    assert.ok(written < 64 * MIB, `${written} bytes were written to nobody`)
    own.writer.transport.abort()
    await rejectionOf(pouring)
  }),
)

testAsync('a write is done when the writer is drained', () =>
  withWeb(async ({ web, peer }) => {
    peer.writer.transport.pauseReading()
    const writer = web.writable.getWriter()
    let isDone = false
    const writing = writer.write(Buffer.alloc(16 * MIB)).then(() => {
      isDone = true
    })
    for (let i = 0; i < 15; i++) await sleep(2)
    assert.equal(isDone, false)
    peer.writer.transport.resumeReading()
    assert.equal((await peer.reader.readexactly(16 * MIB)).length, 16 * MIB)
    await writing
  }),
)

testAsync('cancelling the readable in a read ends it; the writable goes on', () =>
  withWeb(async ({ web, own, peer }) => {
    const reader = web.readable.getReader()
    const reading = reader.read()
    await sleep(1)
    await reader.cancel('no more')
    assert.equal((await reading).done, true)
    assert.equal(own.writer.transport.isReading(), false)
    const writer = web.writable.getWriter()
    await writer.write('still')
    await writer.close()
    assert.equal((await peer.reader.read()).toString(), 'still')
    await own.writer.waitClosed()
  }),
)

testAsync('aborting the writable drops the connection', () =>
  withWeb(async ({ web, own, peer }) => {
    await web.writable.abort('enough')
    assert.equal((await peer.reader.read()).length, 0)
    await own.writer.waitClosed()
    assert.equal((await allOf(web.readable)).length, 0)
  }),
)

testAsync('a reset is the error of both', () =>
  withWeb(async ({ web, peer }) => {
    peer.writer.transport.pauseReading()
    const writer = web.writable.getWriter()
    const writing = writer.write(Buffer.alloc(16 * MIB))
    const reading = web.readable.getReader().read()
    await sleep(2)
    peer.writer.transport.abort()
    for (const promise of [writing, reading, writer.closed]) {
      const { code } = (await rejectionOf(promise)) as NodeJS.ErrnoException
      assert.match(code ?? '', /^(ECONNRESET|EPIPE)$/)
    }
  }),
)

testAsync('under TLS closing the writable leaves the answer readable', () =>
  withWeb(async ({ web, own, peer }) => {
    const writer = web.writable.getWriter()
    await writer.write('question')
    await writer.close()
    assert.equal((await peer.reader.readexactly(8)).toString(), 'question')
    peer.writer.write('answer')
    peer.writer.close()
    assert.equal((await allOf(web.readable)).toString(), 'answer')
    await own.writer.waitClosed()
  }, identity),
)

testAsync('and back: a pair of web streams is a connection by way of Duplex.fromWeb', () =>
  withWeb(async ({ web, peer }) => {
    const { reader, writer } = fromDuplex(Duplex.fromWeb(web))
    writer.write('out')
    assert.equal((await peer.reader.readexactly(3)).toString(), 'out')
    peer.writer.write('in')
    peer.writer.close()
    assert.equal((await reader.read()).toString(), 'in')
    writer.close()
    await writer.waitClosed()
  }),
)

testAsync('a write that fails drops the connection, as nobody can end it any more', () =>
  withWeb(async ({ web, own, peer }) => {
    const writer = web.writable.getWriter()
    const error = await rejectionOf(writer.write(5 as never))
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_INVALID_ARG_TYPE')
    assert.equal(await rejectionOf(writer.closed), error)
    assert.equal((await peer.reader.read()).length, 0)
    await own.writer.waitClosed()
    await web.readable.cancel()
  }),
)

testAsync('what is no pair is refused', async () => {
  for (const pair of [null, {}, { reader: 1, writer: 2 }]) {
    assert.throws(() => toWeb(pair as never), { code: 'ERR_INVALID_ARG_TYPE' })
  }
})
