// What the workers of the tests serve, as exports of a module.

import { once } from 'node:events'
import { threadId } from 'node:worker_threads'
import {
  createTask,
  getRunningLoop,
  type Protocol,
  type ServerWorker,
  sleep,
  type Transport,
} from 'gyre'

/** Until the loop drains, and a little longer. */
async function untilDraining(): Promise<void> {
  const { drainSignal } = getRunningLoop()
  if (!drainSignal.aborted) await once(drainSignal, 'abort')
  await sleep(20)
}

/**
 * Answers each line: who (its process and thread), die, throw, slow (at once, and again while the loop
 * drains), or an echo.
 */
export async function lines(worker: ServerWorker): Promise<void> {
  const server = await worker.startServer(async (reader, writer) => {
    try {
      for (;;) {
        const line = (await reader.readline()).toString().trim()
        if (line === '') return
        if (line === 'die') process.exit(7)
        if (line === 'throw') {
          setImmediate(() => {
            throw new RangeError('thrown in a worker')
          })
        }
        if (line === 'slow') {
          writer.write('begun\n')
          await untilDraining()
        }
        writer.write(line === 'who' ? `${worker.id} ${process.pid} ${threadId}\n` : `${line}\n`)
        await writer.drain()
      }
    } finally {
      writer.close()
    }
  })
  await server.serveForever()
}

class Shout implements Protocol {
  private transport!: Transport
  connectionMade(transport: Transport) {
    this.transport = transport
  }
  dataReceived(data: Buffer) {
    this.transport.write(data.toString().toUpperCase())
    this.transport.close()
  }
}

/** With protocols, as a generator. */
export function* shouting(worker: ServerWorker) {
  const server = yield* worker.createServer(() => new Shout())
  yield* server.serveForever()
}

/** Ignores that it is told to end. */
export async function stubborn(worker: ServerWorker): Promise<void> {
  await worker.startServer(async () => {})
  createTask(async () => await sleep(60_000), { drain: true })
  await new Promise(() => getRunningLoop().callLater(60_000, () => {}))
}

/** Returns when a connection says so. */
export async function untilTold(worker: ServerWorker): Promise<void> {
  const told = getRunningLoop().createFuture<void>()
  const server = await worker.startServer(async (reader, writer) => {
    await reader.read(1)
    writer.close()
    if (!told.done()) told.setResult()
  })
  await told
  server.close()
}

export async function neverListens(): Promise<void> {}

export async function fails(): Promise<void> {
  throw new RangeError('no database')
}

let listened = 0

/** Listens, then dies; the place is tried again and again. */
export async function mayfly(worker: ServerWorker): Promise<void> {
  await worker.startServer(async () => {})
  listened++
  await sleep(20)
  process.exit(listened)
}

/** The first worker is the last to fail. */
export async function failInTurn({ id }: ServerWorker): Promise<void> {
  if (id === 1) await sleep(1_000)
  throw new Error(`worker ${id} fails`)
}
