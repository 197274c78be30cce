// redis-server through ioredis, whose connections are Gyre's.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { openConnection, run } from 'gyre'
import { toDuplex } from 'gyre/node'
import { Redis } from 'ioredis'
import { freePort, type Peers, testWithPeers } from './peer.js'

async function startRedis(peers: Peers): Promise<number> {
  const port = await freePort()
  const options = ['--bind', '127.0.0.1', '--save', '', '--dir', peers.path('.')]
  await peers.start('redis-server', ['--port', String(port), ...options], {
    ready: { prints: /Ready to accept connections/ },
  })
  return port
}

/** ioredis connects by this class. */
function connectorTo(port: number) {
  return class {
    async connect() {
      return toDuplex(openConnection('127.0.0.1', port))
    }
    disconnect() {}
    check() {
      return true
    }
  }
}

function client(port: number): Redis {
  const options = { Connector: connectorTo(port), port: 1, lazyConnect: true }
  return new Redis({ ...options, maxRetriesPerRequest: 0 } as never)
}

testWithPeers(
  ['redis-server'],
  'ioredis stores, pipelines and transacts over Gyre',
  async (peers) => {
    const port = await startRedis(peers)
    await run(async () => {
      const redis = client(port)
      await redis.connect()
      const large = randomBytes(4 * 1024 * 1024)
      await redis.set('large', large)
      assert.deepEqual(await redis.getBuffer('large'), large)
      const pipeline = redis.pipeline()
      for (let i = 0; i < 10_000; i++) pipeline.incr('counter')
      const results = (await pipeline.exec())!
      assert.deepEqual(
        results.map(([error, value]) => error ?? value),
        Array.from({ length: 10_000 }, (_, i) => i + 1),
      )
      const transaction = await redis.multi().set('a', '1').get('a').exec()
      assert.deepEqual(transaction, [
        [null, 'OK'],
        [null, '1'],
      ])
      await assert.rejects(redis.call('NOSUCH') as Promise<unknown>, /unknown command/)
      await redis.quit()
    })
  },
)

testWithPeers(['redis-server'], 'ioredis publishes and subscribes over Gyre', async (peers) => {
  const port = await startRedis(peers)
  await run(async () => {
    const [subscriber, publisher] = [client(port), client(port)]
    await Promise.all([subscriber.connect(), publisher.connect()])
    await subscriber.subscribe('news')
    const received: string[] = []
    const last = new Promise<void>((resolve) => {
      subscriber.on('message', (_channel, message) => {
        received.push(message)
        if (received.length === 100) resolve()
      })
    })
    for (let i = 0; i < 100; i++) await publisher.publish('news', `item ${i}`)
    await last
    assert.deepEqual(
      received,
      Array.from({ length: 100 }, (_, i) => `item ${i}`),
    )
    await Promise.all([subscriber.quit(), publisher.quit()])
  })
})

testWithPeers(['redis-server'], 'ioredis hears of a server that dies', async (peers) => {
  const port = await freePort()
  const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '']
  const server = await peers.start('redis-server', options, {
    ready: { prints: /Ready to accept connections/ },
  })
  await run(async () => {
    const redis = new Redis({
      Connector: connectorTo(port),
      retryStrategy: () => null,
    } as never)
    redis.on('error', () => {})
    assert.equal(await redis.ping(), 'PONG')
    const ended = once(redis, 'end')
    await server.stop()
    await ended
    await assert.rejects(redis.ping(), /Connection is closed/)
  })
})
