// The third part of the tour: an echo server on Gyre's backends and on node:net, each in a process
// of its own, under the same load, in turn.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type BackendName, type Coroutine, newEventLoop, wrap } from 'gyre'
import { CONNECTIONS, Load, MESSAGE_BYTES } from './echo_load.js'
import { heading, printTable, say } from './print.js'

const ROUNDS = 4
const WARM_UP_REQUESTS = 10_000
const ROUND_MS = 350

class Contender {
  readonly load = new Load()
  private cpuUs = 0
  private elapsedMs = 0
  private requests = 0
  private readonly child: ChildProcess

  constructor(
    readonly name: string,
    backend: BackendName | null,
  ) {
    const program = fileURLToPath(new URL('./echo_server.js', import.meta.url))
    const env = { ...process.env, ...(backend === null ? {} : { GYRE_BACKEND: backend }) }
    this.child = fork(program, [backend === null ? 'node' : 'gyre'], { env })
  }

  /** Connects, and warms the server up. */
  *start(): Coroutine<void> {
    yield* this.load.connect(yield* this.answer())
    yield* this.load.request(WARM_UP_REQUESTS)
  }

  /** About ROUND_MS of requests, and what they cost the server. */
  *round(): Coroutine<void> {
    const startCpuUs = yield* this.cpuTime()
    const startedAtMs = performance.now()
    while (performance.now() - startedAtMs < ROUND_MS) {
      yield* this.load.request(2000)
      this.requests += 2000
    }
    this.elapsedMs += performance.now() - startedAtMs
    this.cpuUs += (yield* this.cpuTime()) - startCpuUs
  }

  get requestsPerSecond(): number {
    return this.requests / (this.elapsedMs / 1000)
  }

  get cpuUsPerRequest(): number {
    return this.cpuUs / this.requests
  }

  close(): void {
    this.load.close()
    if (this.child.connected) this.child.disconnect()
  }

  private *cpuTime(): Coroutine<number> {
    this.child.send('cpu time')
    return yield* this.answer()
  }

  private *answer(): Coroutine<number> {
    const [answer] = yield* wrap(once(this.child, 'message'))
    return answer as number
  }
}

function nativeCanRun(): boolean {
  try {
    newEventLoop({ backend: 'native' }).close()
    return true
  } catch {
    return false
  }
}

function* measure(contenders: readonly Contender[]): Coroutine<void> {
  for (const contender of contenders) yield* contender.start()
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of contenders) yield* contender.round()
  }
}

function printStandings(contenders: readonly Contender[]): void {
  const reference = contenders.at(-1)!
  const rows = contenders.map((contender) => [
    contender.name,
    Math.round(contender.requestsPerSecond).toLocaleString('en'),
    `${contender.cpuUsPerRequest.toFixed(1)} us`,
    (contender.cpuUsPerRequest / reference.cpuUsPerRequest).toFixed(2),
  ])
  printTable([['server', 'requests/s', 'CPU per request', 'of node:net'], ...rows], 1)
}

export function* compareEchoServers(): Coroutine<void> {
  heading(`An echo server: ${MESSAGE_BYTES} bytes each way, ${CONNECTIONS} connections, in turn`)
  const withNative = nativeCanRun()
  const contenders = [
    ...(withNative ? [new Contender('Gyre, native', 'native')] : []),
    new Contender('Gyre, fallback', 'fallback'),
    new Contender('node:net', null),
  ]
  try {
    yield* measure(contenders)
  } finally {
    for (const contender of contenders) contender.close()
  }
  printStandings(contenders)
  if (!withNative) say('The native backend is missing: it cannot run here.')
  say('It is the same TypeScript on both backends. `npm run bench` measures in depth.')
}
