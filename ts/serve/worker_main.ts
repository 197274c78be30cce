// The program of a worker of `serve`, thread or process: runs the function of the module on a loop of its
// own, until it ends or is told to.

import { parentPort, workerData } from 'node:worker_threads'
import { SystemExit } from '../errors/errors'
import { JobModuleError } from '../errors/executor_errors'
import { sendError } from '../executors/error_transport'
import { Runner } from '../run/runner'
import type { CoroutineFunction } from '../task/coroutine'
import type { FromWorker, ToWorker, WorkerStart } from './messages'
import { ServerWorker } from './server_worker'

let runner: Runner | null = null
/** Told to end before it has begun. */
let isDraining = false

function say(message: FromWorker): void {
  if (parentPort !== null) parentPort.postMessage(message)
  // The program that started it may be gone, also between this question and the sending.
  else if (process.connected) process.send?.(message, () => {})
}

function drain(): void {
  if (isDraining) return
  isDraining = true
  runner?._terminate()
}

async function work(start: WorkerStart): Promise<void> {
  const { graceMs } = start
  const worker = new ServerWorker(start, (port) => say({ kind: 'listening', port }))
  try {
    const main = await findMain(start)
    if (isDraining) return
    runner = new Runner({ shutdown: { graceMs }, handleSignals: false })
    try {
      await runner.run(() => main(worker), { name: `server worker ${start.id}`, drain: true })
    } finally {
      const ended = runner
      runner = null
      await ended.close()
    }
  } catch (error) {
    if (isDraining && error instanceof SystemExit) return
    say({ kind: 'failed', error: sendError(error, isPrimitive) })
    process.exitCode = 1
  }
}

/** Pipes and ports take what is simple; the rest is printed. */
function isPrimitive(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

async function findMain({
  module,
  name,
}: WorkerStart): Promise<CoroutineFunction<[ServerWorker], void>> {
  const exported = (await import(module)) as Record<string, unknown>
  const main = exported[name] ?? (exported.default as Record<string, unknown> | undefined)?.[name]
  if (typeof main === 'function') return main as CoroutineFunction<[ServerWorker], void>
  throw new JobModuleError(`the export '${name}' of ${module} is not a function`)
}

/** Lets go of what keeps a worker alive that has nothing left to do. */
async function begin(start: WorkerStart): Promise<void> {
  await work(start)
  if (process.exitCode !== 1) say({ kind: 'returned' })
  if (parentPort !== null) parentPort.close()
  else if (process.connected) process.disconnect()
}

if (parentPort !== null) {
  parentPort.on('message', (message: ToWorker) => {
    if (message.kind === 'drain') drain()
  })
  void begin(workerData as WorkerStart)
} else {
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'start') void begin(message.start)
    else drain()
  })
  // Ctrl-C goes to every process of the terminal; the group says when its workers end.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', drain)
  process.on('disconnect', drain)
}
