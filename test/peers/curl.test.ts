// curl against HTTP on Gyre's servers: with and without TLS, by hand on streams and by node:http.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { run, type StreamHandler, startServer, type TlsServerOptions } from 'gyre'
import { toDuplex } from 'gyre/node'
import { portOf } from '../net/pair.js'
import { ca, server as identity } from '../tls/certificates.js'
import { type Peers, testWithPeers } from './peer.js'

const body = randomBytes(16 * 1024 * 1024)

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

/** HTTP by hand: a POST is answered with the hash of its body, a GET with the large body. */
const byHand: StreamHandler = async (reader, writer) => {
  const head = (await reader.readuntil('\r\n\r\n')).toString()
  const length = /content-length: (\d+)/i.exec(head)?.[1]
  if (/expect: 100-continue/i.test(head)) writer.write('HTTP/1.1 100 Continue\r\n\r\n')
  const answer =
    length === undefined ? body : Buffer.from(sha256(await reader.readexactly(Number(length))))
  writer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\nConnection: close\r\n\r\n`)
  writer.write(answer)
  await writer.drain()
  writer.close()
  await writer.waitClosed()
}

/** The same by node:http, which never listens. */
const site = http.createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(body)
    return
  }
  const hash = createHash('sha256')
  request.on('data', (chunk) => hash.update(chunk))
  request.on('end', () => response.end(hash.digest('hex')))
})

const byNode: StreamHandler = async (reader, writer) => {
  site.emit('connection', toDuplex({ reader, writer }))
}

/** Runs curl to its end; what it wrote to the file is its answer. */
async function curl(peers: Peers, args: string[], answerPath: string): Promise<Buffer> {
  const peer = await peers.start('curl', ['-sS', '--fail', '-o', answerPath, ...args])
  assert.equal(await peer.ended, 0, peer.stderr.toString())
  assert.equal(peer.stderr.toString(), '')
  return readFileSync(answerPath)
}

const servers: [string, StreamHandler, TlsServerOptions | undefined][] = [
  ['streams', byHand, undefined],
  ['streams with TLS', byHand, identity],
  ['node:http on a duplex', byNode, undefined],
  ['node:http on a duplex with TLS', byNode, identity],
]

for (const [name, handler, tls] of servers) {
  testWithPeers(['curl'], `curl downloads from and uploads to ${name}`, async (peers) => {
    writeFileSync(peers.path('authority.pem'), ca)
    writeFileSync(peers.path('upload'), body)
    await run(async () => {
      const server = await startServer(handler, { host: '127.0.0.1', port: 0, tls })
      const scheme = tls === undefined ? 'http' : 'https'
      const url = `${scheme}://localhost:${portOf(server)}/`
      const common = ['--http1.1', '--cacert', peers.path('authority.pem')]
      const download = await curl(peers, [...common, url], peers.path('download'))
      assert.equal(sha256(download), sha256(body))
      const upload = ['--data-binary', `@${peers.path('upload')}`, url]
      const hash = await curl(peers, [...common, ...upload], peers.path('hash'))
      assert.equal(hash.toString(), sha256(body))
      // Two on one connection, where the server keeps it open.
      const two = [url, '-o', peers.path('again'), url]
      assert.equal(
        (await curl(peers, [...common, ...two], peers.path('first'))).length,
        body.length,
      )
      assert.equal(sha256(readFileSync(peers.path('again'))), sha256(body))
      server.close()
      await server.waitClosed()
    })
  })
}

testWithPeers(['curl'], 'curl refuses a certificate of an unknown authority', async (peers) => {
  await run(async () => {
    const server = await startServer(byHand, { host: '127.0.0.1', port: 0, tls: identity })
    const peer = await peers.start('curl', ['-sS', `https://localhost:${portOf(server)}/`])
    // 60: the peer's certificate cannot be authenticated.
    assert.equal(await peer.ended, 60)
    server.close()
    await server.waitClosed()
  })
})
