// An echo server and its client by protocols: callbacks on the loop, no coroutine per connection. This
// is the fastest way to serve; `data` is borrowed, so whoever keeps it must copy it.

import {
  type EventLoop,
  type Future,
  getRunningLoop,
  type Protocol,
  run,
  type Transport,
} from 'gyre'

class Echo implements Protocol {
  private transport!: Transport

  connectionMade(transport: Transport): void {
    this.transport = transport
  }

  dataReceived(data: Buffer): void {
    this.transport.write(data)
  }
}

/** Sends its lines, and completes `received` when all of them have come back. */
class Client implements Protocol {
  readonly received: Future<string>
  private transport!: Transport
  private text = ''

  constructor(
    loop: EventLoop,
    private readonly lines: readonly string[],
  ) {
    this.received = loop.createFuture()
  }

  connectionMade(transport: Transport): void {
    this.transport = transport
    transport.writelines(this.lines.map((line) => `${line}\n`))
  }

  dataReceived(data: Buffer): void {
    this.text += data.toString()
    const isWhole = this.text.split('\n').length > this.lines.length
    if (isWhole) this.transport.close()
  }

  connectionLost(error: Error | null): void {
    if (error === null) this.received.setResult(this.text)
    else this.received.setException(error)
  }
}

await run(function* () {
  const loop = getRunningLoop()
  const server = yield* loop.createServer(() => new Echo(), '127.0.0.1', 0)
  const { port } = server.sockets[0]!
  const lines = ['first', 'second', 'third']
  const { protocol } = yield* loop.createConnection(
    () => new Client(loop, lines),
    '127.0.0.1',
    port,
  )
  process.stdout.write(yield* protocol.received)
  server.close()
  yield* server.waitClosed()
  console.log('closed')
})
