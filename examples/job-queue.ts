// Jobs for other processes, or other machines, by way of BullMQ on Redis: results, errors, a map, and a
// worker that is killed in the midst of a job, which another one then runs.
// Where redis-server is not installed, it says so and ends.

import { fileURLToPath } from 'node:url'
import { createSubprocessExec, run, sleep } from 'gyre'
import { BullExecutor } from 'gyre/bullmq'
import { startRedis } from './resp/server.js'

const program = fileURLToPath(new URL('./job-queue/worker.js', import.meta.url))

async function main() {
  const { redis: started, port } = await startRedis()
  await using redis = started
  const startWorker = () => createSubprocessExec(process.execPath, [program, String(port)])
  await using first = await startWorker()

  const connection = `redis://127.0.0.1:${port}`
  await using executor = new BullExecutor({ queue: 'images', connection })
  console.log('1 + 2 =', await executor.submit<number>('add', 1, 2))
  for await (const path of executor.map<string>('thumbnail', ['a', 'b', 'c'])) console.log(path)
  await executor.submit('thumbnail', '').catch((error) => console.log(String(error)))

  const job = executor.submit<number>('develop', 500)
  await sleep(250)
  first.kill()
  await using second = await startWorker()
  const pid = await job
  console.log(
    'the first worker was killed, and the job ended in',
    pid === second.pid && 'the second',
  )

  await executor.shutdown()
  second.terminate()
  console.log('the second worker ended with', await second.wait())
  redis.terminate()
  await redis.wait()
}

await run(main).catch((error) => {
  if (error.code !== 'ENOENT') throw error
  console.log('redis-server is not installed: there is nothing to show')
})
