// gyre worker: a module's functions as the jobs of a queue.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { run } from 'gyre'
import { BullExecutor } from 'gyre/bullmq'
import { root } from '../packaging/repository.js'
import { freePort, testWithPeers } from '../peers/peer.js'
import { file, gyre } from './gyre.js'

const command = join(root, 'dist/command/main.js')

testWithPeers(['redis-server'], 'it runs what a module exports, until SIGTERM', async (peers) => {
  const port = await freePort()
  const place = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', peers.path('')]
  const redis = [...place, '--save', '']
  await peers.start('redis-server', redis, { ready: { listensOn: port } })
  const module = join(root, 'build/test/bullmq/exported.js')
  const url = `redis://127.0.0.1:${port}`
  const worker = await peers.start(
    process.execPath,
    [command, 'worker', module, '--queue', 'q', '--redis', url, '--concurrency=2'],
    { ready: { prints: /gyre worker: later, triple of queue q/ } },
  )
  await run(async () => {
    await using executor = new BullExecutor({ queue: 'q', connection: url })
    assert.equal(await executor.submit('triple', 5), 15)
    assert.deepEqual(await executor.map('triple', [1, 2, 3]).toArray(), [3, 6, 9])
    const job = executor.submit('later', 300)
    assert.equal(await executor.submit('triple', 1), 3)
    process.kill(worker.pid, 'SIGTERM')
    assert.equal(await job, 'later')
    assert.equal(await worker.ended, 143)
  })
})

test('what is wrong is said, with exit code 2', async (context) => {
  const path = file(context, 'jobs.mjs', 'export const nothing = 1')
  const wrong = async (...words: string[]) => {
    const { code, stderr } = await gyre(['worker', ...words])
    assert.equal(code, 2)
    return stderr.split('\n')[0]
  }
  assert.match(String(await wrong()), /needs one module/)
  assert.match(String(await wrong('./nope.js')), /there is no file/)
  assert.match(String(await wrong(path)), /exports no function/)
  assert.match(String(await wrong('--queue=q', path, '--debug')), /exports no function/)
  assert.match(String(await wrong(path, '--speed=9')), /Unknown option '--speed'/)
  const jobs = file(context, 'more.mjs', 'export const double = (x) => 2 * x')
  assert.match(String(await wrong(jobs, '--redis=here')), /--redis must be a URL of redis:/)
  assert.match(
    String(await wrong(jobs, '--concurrency=0')),
    /--concurrency must be a whole number >= 1,/,
  )
  assert.match(String(await wrong(jobs, '--lock-ms=5')), /--lock-ms must be a whole number >= 100,/)
  const tooLong = String(await wrong(jobs, '--lock-ms=2147483648'))
  assert.match(tooLong, /--lock-ms must be a whole number <= 2147483647,/)
})
