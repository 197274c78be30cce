// gyre worker: the functions that a module exports, as jobs for BullExecutors.

import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import {
  type JobTable,
  LOCK_MS_MAX,
  LOCK_MS_MIN,
  serveJobs as ownServeJobs,
} from '../bullmq/serve_jobs'
import { run as ownRun } from '../run/runner'
import { entryFor, prepareFile } from './prepare_file'
import { UsageError } from './usage'

const GRACE_MS = 10_000

const OPTIONS = {
  queue: { type: 'string', default: 'gyre' },
  redis: { type: 'string', default: 'redis://127.0.0.1:6379' },
  concurrency: { type: 'string', default: '8' },
  'lock-ms': { type: 'string', default: '30000' },
} as const

export async function startWorker(words: readonly string[]): Promise<void> {
  const { values, file } = parse(words)
  const path = await prepareFile(file)
  const table = tableOf(await import(pathToFileURL(path).href))
  const names = Object.keys(table)
  if (names.length === 0) throw new UsageError(`${file} exports no function: there is no job to do`)
  // The jobs run on the loop of the copy of Gyre that the module itself imports.
  const gyre = entryFor(path, 'gyre') as { run: typeof ownRun } | null
  const bullmq = entryFor(path, 'gyre/bullmq') as { serveJobs: typeof ownServeJobs } | null
  const [run, serveJobs] =
    gyre !== null && bullmq !== null ? [gyre.run, bullmq.serveJobs] : [ownRun, ownServeJobs]
  const options = {
    queue: values.queue,
    connection: redisUrl(values.redis),
    concurrency: wholeNumber('--concurrency', values.concurrency, 1),
    lockMs: wholeNumber('--lock-ms', values['lock-ms'], LOCK_MS_MIN, LOCK_MS_MAX),
    graceMs: GRACE_MS,
  }
  console.log(`gyre worker: ${names.join(', ')} of queue ${values.queue}`)
  await run(() => serveJobs(table, options), { shutdown: { graceMs: GRACE_MS } })
}

function parse(words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: OPTIONS,
      allowPositionals: true,
    })
    const [file] = positionals
    if (file === undefined || positionals.length > 1) {
      throw new UsageError('gyre worker needs one module')
    }
    return { values, file }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

/** Exported functions by their names; a CommonJS module, or a default export, may be an object of them. */
function tableOf(module: Record<string, unknown>): JobTable {
  const { default: main, ...named } = module
  const isTable = typeof main === 'object' && main !== null
  const all = { ...(isTable ? main : {}), ...named }
  return Object.fromEntries(
    Object.entries(all).filter(([, fn]) => typeof fn === 'function'),
  ) as JobTable
}

function redisUrl(value: string): string {
  if (/^rediss?:\/\//.test(value) && URL.canParse(value)) return value
  throw new UsageError(`--redis must be a URL of redis: or rediss:, not ${value}`)
}

function wholeNumber(option: string, value: string, min: number, max = Number.MAX_SAFE_INTEGER) {
  const number = Number(value)
  if (/^[0-9]+$/.test(value) && number >= min && number <= max) return number
  const bounds = number > max ? `<= ${max}` : `>= ${min}`
  throw new UsageError(`${option} must be a whole number ${bounds}, not ${value}`)
}
