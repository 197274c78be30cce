// The jobs of the tests' workers, and the program of a worker: `node jobs.js <port> <lockMs> <graceMs>`.

import { setTimeout as delay } from 'node:timers/promises'
import { currentJob, run, sleep } from 'gyre'
import { serveJobs } from 'gyre/bullmq'

let tries = 0

export const jobs = {
  double: (x: number) => 2 * x,
  async greet(name: string, { loud }: { loud: boolean }) {
    await delay(1)
    return loud ? name.toUpperCase() : name
  },
  *slowly(ms: number) {
    yield* sleep(ms)
    return `after ${ms}`
  },
  nothing() {},
  fail(code: string) {
    throw Object.assign(new RangeError('out of it'), { code, details: { left: 3 } })
  },
  failTwice() {
    tries++
    if (tries % 3 !== 0) throw new Error(`try ${tries}`)
    return tries % 3
  },
  fussy(x: number) {
    if (x === 4) throw new TypeError('four')
    return x
  },
  map: () => new Map(),
  async cleaningUp(key: string) {
    begun.add(key)
    try {
      await sleep(60_000)
    } finally {
      cleaned.add(key)
    }
  },
  async untilSignal(key: string) {
    begun.add(key)
    const { signal } = currentJob()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    cleaned.add(key)
  },
  hasBegun: (key: string) => begun.has(key),
  wasCleaned: (key: string) => cleaned.has(key),
  async whoAfter(ms: number) {
    await sleep(ms)
    return process.pid
  },
}

const begun = new Set<string>()
const cleaned = new Set<string>()

if (process.argv[2] !== undefined && process.argv[1]?.endsWith('bullmq/jobs.js')) {
  const [port, lockMs, graceMs = 5_000] = process.argv.slice(2).map(Number)
  const connection = { host: '127.0.0.1', port }
  console.log('ready')
  const options = { queue: 'tests', connection, lockMs, graceMs, concurrency: 20 }
  await run(() => serveJobs(jobs, options), { shutdown: { graceMs } }).catch((error) =>
    console.log(error.code),
  )
}
