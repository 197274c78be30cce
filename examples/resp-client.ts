// A redis-server as a subprocess, and a client for it on streams: a pipeline, an error, a subscription.
// Where redis-server is not installed, it says so and ends.

import { createTask, gather, run } from 'gyre'
import { RespClient } from './resp/client.js'
import { startRedis } from './resp/server.js'

async function main() {
  const { redis: started, port } = await startRedis()
  await using redis = started
  const client = await RespClient.connect('127.0.0.1', port)

  // Sent together, and answered in order: a pipeline is nothing but a gather.
  const sums = Array.from({ length: 1000 }, (_, index) => client.send('INCRBY', 'sum', index))
  const results = await gather(sums, {})
  console.log('the last of', results.length, 'replies:', results.at(-1))

  await client.send('SET', 'greeting', 'hello, redis')
  console.log(
    'GET:',
    String(await client.send('GET', 'greeting')),
    '/',
    await client.send('GET', 'no'),
  )
  await client.send('INCR', 'greeting').catch((error) => console.log('INCR:', error.message))

  const listener = await RespClient.connect('127.0.0.1', port)
  const news = await listener.subscribe('news')
  const hearing = createTask(async () => {
    for await (const message of news) console.log('heard:', String(message))
  })
  for (const text of ['one', 'two']) await client.send('PUBLISH', 'news', text)
  await client.close()
  redis.terminate()
  await hearing // the queue ends with the connection
  console.log('redis ended with', await redis.wait())
}

await run(main).catch((error) => {
  if (error.code !== 'ENOENT') throw error
  console.log('redis-server is not installed: there is nothing to show')
})
