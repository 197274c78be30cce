// redis-server through the RESP client of examples/, which is written on streams.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createTask, gather, run } from 'gyre'
import { RespClient, RespError } from '../../examples/resp/client.js'
import { rejectionOf } from '../thrown.js'
import { freePort, type Peer, type Peers, testWithPeers } from './peer.js'

interface Redis {
  peer: Peer
  connect: () => Promise<RespClient>
}

function testWithRedis(name: string, body: (redis: Redis) => Promise<void>): void {
  testWithPeers(['redis-server'], name, async (peers: Peers) => {
    const port = await freePort()
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '']
    const ready = { prints: /Ready to accept connections/ }
    const peer = await peers.start('redis-server', options, { ready })
    const clients: RespClient[] = []
    await run(async () => {
      const connect = async () => {
        const client = await RespClient.connect('127.0.0.1', port)
        clients.push(client)
        return client
      }
      await body({ peer, connect })
      for (const client of clients) await client.close()
    })
  })
}

testWithRedis('ten thousand commands in a pipeline are answered in order', async ({ connect }) => {
  const client = await connect()
  const replies = Array.from({ length: 10_000 }, () => client.send('INCR', 'count'))
  await client.drain()
  const expected = Array.from({ length: 10_000 }, (_, index) => index + 1)
  assert.deepEqual(await gather(replies, {}), expected)
})

testWithRedis('values of every size come back byte for byte', async ({ connect }) => {
  const client = await connect()
  for (const size of [0, 1, 65_536, 65_537, 16 * 1024 * 1024]) {
    const value = randomBytes(size)
    assert.equal(await client.send('SET', 'value', value), 'OK')
    assert.ok(value.equals((await client.send('GET', 'value')) as Buffer), `${size} bytes`)
  }
  const keys = Array.from({ length: 500 }, (_, index) => `key:${index}`)
  await gather(
    keys.map((key) => client.send('SET', key, key)),
    {},
  )
  const values = (await client.send('MGET', ...keys, 'missing')) as Buffer[]
  assert.deepEqual(
    values.map((value) => value && String(value)),
    [...keys, null],
  )
})

testWithRedis('an error is that of its own command alone', async ({ connect }) => {
  const client = await connect()
  const set = client.send('SET', 'text', 'abc')
  const wrong = client.send('INCR', 'text')
  const get = client.send('GET', 'text')
  assert.equal(await set, 'OK')
  const error = await rejectionOf(wrong)
  assert.ok(error instanceof RespError)
  assert.match(error.message, /^ERR value is not an integer/)
  assert.equal(String(await get), 'abc')
})

testWithRedis('a command that is cancelled takes no other one’s reply', async ({ connect }) => {
  const client = await connect()
  const slow = client.send('BLPOP', 'empty', '0.05')
  const ping = client.send('ECHO', 'mine')
  slow.cancel()
  assert.equal(String(await ping), 'mine')
  assert.equal(slow.cancelled(), true)
})

testWithRedis('messages come to all who subscribed, in order', async ({ connect }) => {
  const publisher = await connect()
  const queues = await gather(
    [0, 1, 2].map(() => async () => (await connect()).subscribe('news')),
    {},
  )
  const counts = await gather(
    Array.from({ length: 1000 }, (_, index) => publisher.send('PUBLISH', 'news', index)),
    {},
  )
  assert.deepEqual(new Set(counts), new Set([3]))
  for (const queue of queues) {
    for (let index = 0; index < 1000; index++) assert.equal(String(await queue.get()), `${index}`)
  }
})

testWithRedis('a server that goes away ends what waits, and subscriptions', async (redis) => {
  const client = await redis.connect()
  const listener = await redis.connect()
  const news = await listener.subscribe('news')
  const hearing = createTask(async () => {
    for await (const _ of news) assert.fail('nothing was said')
  })
  const popping = rejectionOf(client.send('BLPOP', 'empty', '0'))
  await redis.peer.stop()
  const error = (await popping) as NodeJS.ErrnoException
  assert.match(`${error.message} ${error.code}`, /the connection is over|ECONNRESET/)
  await hearing
  assert.throws(() => client.send('PING'), /the connection is over/)
})
