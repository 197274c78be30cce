// What each worker of many-cores.ts runs: answers lines, on the port of the group.

import { type ServerWorker, sleep } from 'gyre'

export async function main(worker: ServerWorker): Promise<void> {
  const server = await worker.startServer(async (reader, writer) => {
    for (;;) {
      const line = String(await reader.readline()).trim()
      if (line === '') break
      if (line === 'slow') await sleep(300)
      writer.write(`${line === 'who' ? worker.id : 'done'}\n`)
      await writer.drain()
    }
    writer.close()
  })
  await server.serveForever()
}
