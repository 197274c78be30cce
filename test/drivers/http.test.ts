// node:http, node:https, undici and ws on connections of Gyre's, as clients and as servers, unchanged.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import tls from 'node:tls'
import {
  openConnection,
  type Server,
  type StreamHandler,
  startServer,
  type TlsClientOptions,
  type TlsServerOptions,
} from 'gyre'
import { toDuplex } from 'gyre/node'
import { Client, type Dispatcher } from 'undici'
import { type WebSocket as Socket, WebSocket, WebSocketServer } from 'ws'
import { portOf } from '../net/pair.js'
import { testAsync } from '../node/duplex_pair.js'
import { ca, server as identity } from '../tls/certificates.js'

const MIB = 1024 * 1024

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')

/** A server of node:http that never listens: Gyre accepts, with TLS if it is asked to. */
async function hosting(
  site: http.Server,
  tls: TlsServerOptions | undefined,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const handler: StreamHandler = async (reader, writer) => {
    site.emit('connection', toDuplex({ reader, writer }))
  }
  const server: Server = await startServer(handler, { host: '127.0.0.1', port: 0, tls })
  try {
    await body(portOf(server))
  } finally {
    server.close()
    site.closeAllConnections()
    await server.waitClosed()
  }
}

const dial = (port: number, tls?: TlsClientOptions) =>
  toDuplex(openConnection({ host: 'localhost', port, family: 4, tls }))

/** Answers with what was asked: its method, and the hash of its body. */
const describing = () =>
  http.createServer((request, response) => {
    const hash = createHash('sha256')
    request.on('data', (chunk) => hash.update(chunk))
    request.on('end', () => {
      const { encrypted } = request.socket as { encrypted?: boolean }
      response.setHeader('x-encrypted', String(encrypted))
      response.setHeader('x-peer', String(request.socket.remoteAddress))
      response.end(`${request.method} ${hash.digest('hex')}`)
    })
  })

for (const serverTls of [undefined, identity]) {
  const how = serverTls === undefined ? 'plainly' : 'over TLS'
  const clientTls = serverTls && { ca }

  testAsync(`node:http talks to node:http ${how}, with both ends on Gyre`, () =>
    hosting(describing(), serverTls, async (port) => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })
      let dialled = 0
      Object.assign(agent, {
        createConnection: () => {
          dialled++
          return dial(port, clientTls)
        },
      })
      const ask = async (body: Buffer) => {
        const request = http.request({ host: 'localhost', port, agent, method: 'POST' })
        request.end(body)
        const [response] = (await once(request, 'response')) as [http.IncomingMessage]
        assert.equal(response.headers['x-encrypted'], String(serverTls !== undefined))
        assert.equal(response.headers['x-peer'], '127.0.0.1')
        return text(response)
      }
      const bodies = [0, 1, 70_000, 3 * MIB, 10, 200_000].map((size) => randomBytes(size))
      const answers = await Promise.all(bodies.map(ask))
      assert.deepEqual(
        answers,
        bodies.map((body) => `POST ${sha256(body)}`),
      )
      assert.equal(dialled, 2)
      agent.destroy()
    }),
  )

  testAsync(`undici asks ${how} on connections of Gyre's`, () =>
    hosting(describing(), serverTls, async (port) => {
      const client = new Client(`http://localhost:${port}`, {
        connect: ((_options: unknown, callback: (error: null, socket: unknown) => void) => {
          const duplex = dial(port, clientTls)
          duplex.once('connect', () => callback(null, duplex))
          return duplex
        }) as never,
        pipelining: 4,
      })
      const bodies = [0, 5, 300_000, 2 * MIB].map((size) => randomBytes(size))
      const answers = await Promise.all(
        bodies.map(async (body) => {
          const options: Dispatcher.RequestOptions = { path: '/', method: 'PUT', body }
          const response = await client.request(options)
          return response.body.text()
        }),
      )
      assert.deepEqual(
        answers,
        bodies.map((body) => `PUT ${sha256(body)}`),
      )
      await client.close()
    }),
  )

  testAsync(`ws talks to ws ${how}, with both ends on Gyre`, () => {
    const site = http.createServer()
    const sockets = new WebSocketServer({ server: site })
    sockets.on('connection', (socket: Socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    })
    return hosting(site, serverTls, async (port) => {
      const socket = new WebSocket(`ws://localhost:${port}/`, {
        createConnection: (() => dial(port, clientTls)) as never,
      })
      await once(socket, 'open')
      for (const size of [0, 1, 125, 126, 70_000, 4 * MIB]) {
        const sent = randomBytes(size)
        socket.send(sent)
        const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean]
        assert.equal(isBinary, true)
        assert.equal(sha256(data), sha256(sent), `${size} bytes`)
      }
      socket.close(1000, 'enough')
      const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
      assert.deepEqual([code, reason.toString()], [1000, 'enough'])
      sockets.close()
    })
  })
}

testAsync("node:https does its own TLS on a connection of Gyre's, at both ends", async () => {
  const site = https.createServer(identity, (request, response) => {
    response.end(`secretly: ${request.url}`)
  })
  await hosting(site, undefined, async (port) => {
    const request = https.get({
      host: 'localhost',
      path: '/page',
      ca,
      // What node:https makes of a socket that it is given is node:tls's affair.
      createConnection: ((options: object) => tlsOn(port, options)) as never,
    })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    assert.equal(await text(response), 'secretly: /page')
  })
})

function tlsOn(port: number, options: object) {
  return tls.connect({ ...options, socket: dial(port) as never, servername: 'localhost' })
}

testAsync('a client that goes away ends the request of node:http', () => {
  const site = http.createServer()
  return hosting(site, undefined, async (port) => {
    const duplex = dial(port)
    duplex.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [, response] = (await once(site, 'request')) as [unknown, http.ServerResponse]
    duplex.destroy()
    await once(response, 'close')
    assert.equal(response.writableFinished, false)
  })
})

testAsync('the timeouts of node:http work on a connection of Gyre’s', () => {
  const site = http.createServer({ keepAliveTimeout: 10 }, (_request, response) => {
    response.end('once')
  })
  return hosting(site, undefined, async (port) => {
    const duplex = dial(port)
    duplex.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    // The server keeps the connection for a while, and then ends it.
    assert.match(await text(duplex), /once$/)
    const silent = http.get({
      host: 'localhost',
      port,
      createConnection: () => dial(port),
    })
    silent.on('error', () => {})
    silent.setTimeout(10)
    site.removeAllListeners('request')
    await once(silent, 'timeout')
    silent.destroy()
  })
})
