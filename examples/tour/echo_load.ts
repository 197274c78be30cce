// The load for the echo servers, itself a Gyre program: each client sends a message, waits until it
// is back, and sends the next, until so many requests are answered in all.

import type { Transport } from 'gyre'
import { type Coroutine, type Future, gather, getRunningLoop, type Protocol } from 'gyre'

export const MESSAGE_BYTES = 1024
export const CONNECTIONS = 50

const message = Buffer.alloc(MESSAGE_BYTES, 'x')

class Client implements Protocol {
  private transport!: Transport
  private receivedBytes = 0

  constructor(private readonly answered: (client: Client) => void) {}

  connectionMade(transport: Transport): void {
    this.transport = transport
  }

  dataReceived(data: Buffer): void {
    this.receivedBytes += data.length
    if (this.receivedBytes < MESSAGE_BYTES) return
    this.receivedBytes = 0
    this.answered(this)
  }

  send(): void {
    this.transport.write(message)
  }

  close(): void {
    this.transport.close()
  }
}

/** Clients of one server, connected from the start to the end of the comparison. */
export class Load {
  private clients: readonly Client[] = []
  private unsent = 0
  private unanswered = 0
  private finished: Future<void> | null = null

  close(): void {
    for (const client of this.clients) client.close()
  }

  *connect(port: number): Coroutine<void> {
    const loop = getRunningLoop()
    const connections = Array.from({ length: CONNECTIONS }, () =>
      loop.createConnection(() => new Client((client) => this.answered(client)), '127.0.0.1', port),
    )
    this.clients = (yield* gather(connections)).map(({ protocol }) => protocol)
  }

  /** Exactly `count` requests and their answers. */
  *request(count: number): Coroutine<void> {
    this.unanswered = count
    this.unsent = count - this.clients.length
    this.finished = getRunningLoop().createFuture<void>()
    for (const client of this.clients) client.send()
    yield* this.finished
  }

  private answered(client: Client): void {
    if (this.unsent-- > 0) client.send()
    if (--this.unanswered === 0) this.finished!.setResult()
  }
}
