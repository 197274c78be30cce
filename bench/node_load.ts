// The load generator where load.c cannot be compiled, and of servers that speak TLS (a fifth argument,
// `tls`): the same arguments, the same lines, on node:net and node:tls. It costs several times as much
// CPU time, so a fast server may find it slow.

import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'
import tls from 'node:tls'
import { quantileOf } from './statistics.js'

const [port = 0, connectionCount = 0, messageBytes = 0, window = 0] = process.argv
  .slice(2)
  .map(Number)
const isSecure = process.argv[6] === 'tls'
const message = Buffer.alloc(messageBytes, 'x')

/** A round: what is still to be sent, and how long what came back took. */
class Round {
  readonly latenciesUs: number[] = []
  private unsent: number
  private finish: () => void = () => {}
  readonly finished = new Promise<void>((resolve) => {
    this.finish = resolve
  })

  constructor(private readonly count: number) {
    this.unsent = count
  }

  take(): boolean {
    return this.unsent-- > 0
  }

  answered(latencyUs: number): void {
    this.latenciesUs.push(latencyUs)
    if (this.latenciesUs.length === this.count) this.finish()
  }
}

let round = new Round(0)

class Connection {
  private readonly sentAtMs: number[] = []
  private receivedBytes = 0

  constructor(private readonly socket: net.Socket) {
    socket.setNoDelay()
    socket.on('data', (data) => this.received(data.length))
    socket.on('close', () => process.exit(1))
  }

  send(): void {
    while (this.sentAtMs.length < window && round.take()) {
      this.sentAtMs.push(performance.now())
      this.socket.write(message)
    }
  }

  private received(bytes: number): void {
    this.receivedBytes += bytes
    while (this.receivedBytes >= messageBytes) {
      this.receivedBytes -= messageBytes
      round.answered((performance.now() - this.sentAtMs.shift()!) * 1e3)
    }
    this.send()
  }
}

const connections: Connection[] = []
for (let i = 0; i < connectionCount; i++) {
  const to = { host: '127.0.0.1', port }
  const socket = isSecure ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to)
  await once(socket, isSecure ? 'secureConnect' : 'connect')
  connections.push(new Connection(socket))
}
console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  round = new Round(Number(line))
  const startedAtMs = performance.now()
  for (const connection of connections) connection.send()
  await round.finished
  const elapsedUs = (performance.now() - startedAtMs) * 1e3
  const [p50Us, p99Us, maxUs] = [0.5, 0.99, 1].map((quantile) =>
    quantileOf(round.latenciesUs, quantile),
  )
  console.log(JSON.stringify({ elapsedUs, p50Us, p99Us, maxUs }))
}
process.exit()
