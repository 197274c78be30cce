// The load of TLS handshakes: connections that come, shake hands in full, and go.
//
//   handshakes.js <port> <at once>
//
// Prints `ready`, and for each number N that comes in as a line makes N connections, some at once, each
// until its server has said goodbye, and prints how long that took and what the handshakes took. Nothing
// is resumed: no session is kept. The generator does half of the cryptography itself, on its own core.

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import tls from 'node:tls'
import { quantileOf } from './statistics.js'

const [port = 0, atOnce = 1] = process.argv.slice(2).map(Number)
const secureContext = tls.createSecureContext()

async function shakeHands(): Promise<number> {
  const startedAtMs = performance.now()
  const options = { host: '127.0.0.1', port, secureContext, rejectUnauthorized: false }
  const socket = tls.connect(options)
  await once(socket, 'secureConnect')
  const tookUs = (performance.now() - startedAtMs) * 1e3
  socket.resume().end()
  await once(socket, 'close')
  return tookUs
}

async function round(count: number): Promise<string> {
  const latenciesUs: number[] = []
  const startedAtMs = performance.now()
  let left = count
  const comer = async () => {
    while (left-- > 0) latenciesUs.push(await shakeHands())
  }
  await Promise.all(Array.from({ length: atOnce }, comer))
  const elapsedUs = (performance.now() - startedAtMs) * 1e3
  const [p50Us, p99Us, maxUs] = [0.5, 0.99, 1].map((quantile) => quantileOf(latenciesUs, quantile))
  return JSON.stringify({ elapsedUs, p50Us, p99Us, maxUs })
}

console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  console.log(await round(Number(line)))
}
