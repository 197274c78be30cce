// UDP endpoints in worker threads: a worker that ends, or is ended, in the midst of their traffic leaves
// no socket behind.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { Worker } from 'node:worker_threads'
import { backendInfo } from 'gyre'
import { root } from '../packaging/repository.js'
import { canCountDescriptors, countSockets } from './descriptors.js'

const program = (ending: string) => `
const { createRequire } = require('node:module')
const { parentPort } = require('node:worker_threads')
const { getRunningLoop, run, sleep } =
  createRequire(${JSON.stringify(`${root}/worker.cjs`)})('gyre')
run(async () => {
  const loop = getRunningLoop()
  const echo = { datagramReceived: (data, addr) => server.transport.sendto(data, addr) }
  const server = await loop.createDatagramEndpoint(() => echo, { localAddr: ['127.0.0.1', 0] })
  const remoteAddr = server.transport.getExtraInfo('sockname')
  for (let i = 0; i < 5; i++) {
    const again = { datagramReceived: (data) => client.transport.sendto(data) }
    const client = await loop.createDatagramEndpoint(() => again, { remoteAddr })
    for (let n = 0; n < 10; n++) client.transport.sendto('round and round')
  }
  parentPort.postMessage('busy')
  ${ending}
})
`

const endings: Record<string, string> = {
  'calls process.exit': 'await sleep(10); process.exit(0)',
  returns: 'await sleep(10)',
  'is terminated': 'await sleep(1e9)',
}

/**
 * Node 20 aborts when a worker is torn down while its own dgram receives (UDPWrap::OnRecv makes an
 * object without looking whether it can): nothing that stands on it can help that.
 */
const canBeTornDown = backendInfo().name === 'native'

for (const [name, ending] of Object.entries(endings)) {
  const isTornDown = name !== 'returns'
  const skip =
    isTornDown && !canBeTornDown
      ? "Node's dgram aborts in a worker that is torn down"
      : !canCountDescriptors
  const options = { skip, timeout: 60_000 }
  test(`a worker with busy UDP endpoints that ${name} leaves no socket`, options, async () => {
    const before = countSockets()
    const worker = new Worker(program(ending), { eval: true })
    const exited = once(worker, 'exit')
    await once(worker, 'message')
    if (name === 'is terminated') await worker.terminate()
    await exited
    for (let i = 0; i < 400 && countSockets() !== before; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.equal(countSockets(), before)
  })
}
