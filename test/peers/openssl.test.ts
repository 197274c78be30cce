// OpenSSL's own client and server at the other end of TLS connections.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import {
  type Coroutine,
  openConnection,
  run,
  type Server,
  type StreamHandler,
  startServer,
  type TlsServerOptions,
} from 'gyre'
import { portOf } from '../net/pair.js'
import { ca, client, server as identity } from '../tls/certificates.js'
import { freePort, type Peers, testWithPeers } from './peer.js'

/** Says what it knows of the client, and gives lines back in capitals. */
const describing: StreamHandler = async (reader, writer) => {
  const info = ['tlsVersion', 'alpnProtocol', 'servername'] as const
  const subject = writer.getExtraInfo('peercert')?.subject?.CN ?? 'nobody'
  writer.write(`${[...info.map((name) => writer.getExtraInfo(name)), subject].join(', ')}\n`)
  for await (const chunk of reader) writer.write(chunk.toString().toUpperCase())
  writer.close()
}

async function serving(tls: TlsServerOptions, body: (port: number) => Promise<void>) {
  const server: Server = await startServer(describing, { host: '127.0.0.1', port: 0, tls })
  await body(portOf(server))
  server.close()
  await server.waitClosed()
}

/** Writes the PEMs where the peer finds them. */
function files(peers: Peers, pems: Record<string, string>): void {
  for (const [name, pem] of Object.entries(pems)) writeFileSync(peers.path(name), pem)
}

const versions: [option: string, version: string][] = [
  ['-tls1_3', 'TLSv1.3'],
  ['-tls1_2', 'TLSv1.2'],
]

for (const [option, version] of versions) {
  testWithPeers(['openssl'], `s_client talks to a server by ${version}`, async (peers) => {
    files(peers, { ca, 'client.pem': client.cert, 'client.key': client.key })
    const tls = { ...identity, ca, requestCert: true, ALPNProtocols: ['gyre/1'] }
    await run(() =>
      serving(tls, async (port) => {
        const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-quiet', '-verify_return_error']
        const own = ['-cert', peers.path('client.pem'), '-key', peers.path('client.key')]
        const wishes = ['-CAfile', peers.path('ca'), '-alpn', 'gyre/1', '-servername', 'localhost']
        const peer = await peers.start('openssl', [...args, ...own, ...wishes, option], {
          input: 'hello\n',
          ready: { prints: /HELLO\n/ },
        })
        const expected = `${version}, gyre/1, localhost, a client\nHELLO\n`
        assert.equal(peer.stdout.toString(), expected)
        await peer.stop()
      }),
    )
  })
}

testWithPeers(
  ['openssl'],
  's_client takes the close of a server for a clean one',
  async (peers) => {
    files(peers, { ca })
    await run(async () => {
      const closing: StreamHandler = async (_reader, writer) => {
        writer.write('bye\n')
        writer.close()
      }
      const server = await startServer(closing, { host: '127.0.0.1', port: 0, tls: identity })
      const args = [
        's_client',
        '-connect',
        `127.0.0.1:${portOf(server)}`,
        '-CAfile',
        peers.path('ca'),
      ]
      // Without -quiet, s_client says how the connection ended; -ign_eof: not with its own input.
      const peer = await peers.start('openssl', [...args, '-ign_eof'])
      assert.equal(await peer.ended, 0, peer.stderr.toString())
      assert.match(peer.stdout.toString(), /bye\n/)
      assert.match(peer.stdout.toString(), /closed\n$/)
      assert.doesNotMatch(peer.stderr.toString(), /unexpected eof|error:/)
      server.close()
      await server.waitClosed()
    })
  },
)

for (const [option, version] of versions) {
  testWithPeers(['openssl'], `a client talks to s_server by ${version}`, async (peers) => {
    files(peers, { ca, 'server.pem': identity.cert, 'server.key': identity.key })
    const port = await freePort()
    const own = ['-cert', peers.path('server.pem'), '-key', peers.path('server.key')]
    // -rev gives each line back reversed; -Verify insists on a client certificate.
    const wishes = ['-rev', '-Verify', '1', '-CAfile', peers.path('ca'), '-alpn', 'gyre/1']
    const where = ['s_server', '-accept', `127.0.0.1:${port}`]
    await peers.start('openssl', [...where, ...own, ...wishes, option], {
      ready: { prints: /ACCEPT/ },
    })
    await run(function* (): Coroutine<void> {
      const { reader, writer } = yield* openConnection({
        host: 'localhost',
        port,
        tls: { ca, ...client, ALPNProtocols: ['gyre/1'] },
      })
      assert.equal(writer.getExtraInfo('tlsVersion'), version)
      assert.equal(writer.getExtraInfo('alpnProtocol'), 'gyre/1')
      for (const line of ['hello', 'x'.repeat(2_000)]) {
        writer.write(`${line}\n`)
        const answer = (yield* reader.readline()).toString().trimEnd()
        assert.equal(answer, [...line].reverse().join(''))
      }
      writer.close()
      yield* writer.waitClosed()
    })
  })
}
