// The thread that makes the requests of fetch_blocking.ts.

import { type MessagePort, workerData } from 'node:worker_threads'
import { fetchPage } from './fetch_page.js'

const { bell, port } = workerData as { bell: Int32Array<SharedArrayBuffer>; port: MessagePort }

port.on('message', async (url: string) => {
  try {
    port.postMessage(await fetchPage(url))
  } catch (error) {
    port.postMessage({ error: (error as Error).message })
  }
  Atomics.store(bell, 0, 1)
  Atomics.notify(bell, 0)
})
