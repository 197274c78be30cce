// Clients against nginx: HTTP by hand, with and without TLS, kept alive, large, and cut off.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import {
  type Coroutine,
  gather,
  openConnection,
  run,
  type StreamReader,
  type StreamWriter,
  type TlsClientOptions,
} from 'gyre'
import { toDuplex } from 'gyre/node'
import { ca, client, server as identity } from '../tls/certificates.js'
import { freePort, type Peers, testWithPeers } from './peer.js'

const body = randomBytes(8 * 1024 * 1024)

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

interface Ports {
  plain: number
  tls: number
  /** The same, for clients with a certificate. */
  mutual: number
}

async function startNginx(peers: Peers): Promise<Ports> {
  const ports = { plain: await freePort(), tls: await freePort(), mutual: await freePort() }
  const files = { ca, cert: identity.cert, key: identity.key, 'small.txt': 'small\n' }
  for (const [name, text] of Object.entries(files)) writeFileSync(peers.path(name), text)
  writeFileSync(peers.path('large.bin'), body)
  const root = peers.path('.')
  const secured = `ssl_certificate ${root}/cert; ssl_certificate_key ${root}/key;`
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${root}/${name};`)
    .join(' ')
  const configuration = `
    daemon off; worker_processes 1; pid ${root}/pid; error_log ${root}/error.log;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 256; }
    http {
      access_log off; ${temporary} root ${root};
      server { listen 127.0.0.1:${ports.plain}; }
      server { listen 127.0.0.1:${ports.tls} ssl; ${secured} }
      server {
        listen 127.0.0.1:${ports.mutual} ssl; ${secured}
        ssl_client_certificate ${root}/ca; ssl_verify_client on;
        location /who { return 200 "$ssl_client_s_dn"; }
      }
    }`
  writeFileSync(peers.path('nginx.conf'), configuration)
  await peers.start('nginx', ['-c', peers.path('nginx.conf'), '-p', root, '-e', 'error.log'], {
    ready: { listensOn: ports.mutual },
  })
  return ports
}

/** One request on a connection that stays open; gives status and body. */
function* get(
  { reader, writer }: { reader: StreamReader; writer: StreamWriter },
  path: string,
): Coroutine<{ status: number; body: Buffer }> {
  writer.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  const head = (yield* reader.readuntil('\r\n\r\n')).toString()
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1])
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
  return { status, body: yield* reader.readexactly(length) }
}

for (const secure of [false, true]) {
  const how = secure ? 'over TLS' : 'plainly'
  testWithPeers(['nginx'], `a client asks nginx ${how}, often on one connection`, async (peers) => {
    const ports = await startNginx(peers)
    await run(function* () {
      const port = secure ? ports.tls : ports.plain
      const tls: TlsClientOptions | undefined = secure ? { ca } : undefined
      const session = function* (): Coroutine<void> {
        const connection = yield* openConnection({ host: 'localhost', port, family: 4, tls })
        for (let i = 0; i < 3; i++) {
          const small = yield* get(connection, '/small.txt')
          assert.deepEqual([small.status, small.body.toString()], [200, 'small\n'])
          assert.equal((yield* get(connection, '/missing')).status, 404)
          assert.equal(sha256((yield* get(connection, '/large.bin')).body), sha256(body))
        }
        connection.writer.close()
        yield* connection.writer.waitClosed()
      }
      yield* gather([session(), session(), session(), session()])
    })
  })

  testWithPeers(['nginx'], `node:http asks nginx ${how} on a duplex`, async (peers) => {
    const ports = await startNginx(peers)
    await run(async () => {
      const port = secure ? ports.tls : ports.plain
      const createConnection = () =>
        toDuplex(
          openConnection({ host: 'localhost', port, family: 4, tls: secure ? { ca } : undefined }),
        )
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
      Object.assign(agent, { createConnection })
      for (const path of ['/small.txt', '/large.bin', '/small.txt']) {
        const hash = createHash('sha256')
        await new Promise<void>((resolve, reject) => {
          const request = http.get({ path, agent, host: 'localhost', port }, (response) => {
            assert.equal(response.statusCode, 200)
            response.on('data', (chunk) => hash.update(chunk))
            response.on('end', resolve)
          })
          request.on('error', reject)
        })
        const expected = path === '/large.bin' ? body : Buffer.from('small\n')
        assert.equal(hash.digest('hex'), sha256(expected))
      }
      agent.destroy()
    })
  })
}

testWithPeers(
  ['nginx'],
  'nginx knows a client by its certificate, and refuses others',
  async (peers) => {
    const ports = await startNginx(peers)
    await run(function* () {
      const where = { host: 'localhost', port: ports.mutual, family: 4 } as const
      const known = yield* openConnection({ ...where, tls: { ca, ...client } })
      assert.equal((yield* get(known, '/who')).body.toString(), 'CN=a client')
      known.writer.close()
      const unknown = yield* openConnection({ ...where, tls: { ca } })
      assert.equal((yield* get(unknown, '/who')).status, 400)
      unknown.writer.close()
      yield* gather([known.writer.waitClosed(), unknown.writer.waitClosed()])
    })
  },
)
