// The worker of job-queue.ts, a process of its own: `node worker.js <port of Redis>`.

import { run, sleep } from 'gyre'
import { serveJobs } from 'gyre/bullmq'

const jobs = {
  add: (a: number, b: number) => a + b,
  *thumbnail(path: string) {
    yield* sleep(10)
    if (path === '') throw new RangeError('an image needs a path')
    return `${path}.png`
  },
  /** Says who did it. */
  async develop(ms: number) {
    await sleep(ms)
    return process.pid
  },
}

const connection = `redis://127.0.0.1:${process.argv[2]}`
const serving = () => serveJobs(jobs, { queue: 'images', connection, lockMs: 1_000 })
await run(serving, { shutdown: { graceMs: 5_000 } }).catch(() => {})
