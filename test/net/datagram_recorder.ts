// A datagram protocol that writes down what it is told, in order, and lets a coroutine wait for it;
// and endpoints on the loopback that have one.

import {
  type Coroutine,
  type DatagramEndpointOptions,
  type DatagramProtocol,
  type DatagramTransport,
  Future,
  getRunningLoop,
  type SocketName,
} from 'gyre'

type Method = keyof DatagramProtocol

export class DatagramRecorder implements DatagramProtocol {
  /** The methods that were called, in order. */
  readonly calls: Method[] = []
  readonly datagrams: { data: Buffer; addr: SocketName }[] = []
  readonly errors: NodeJS.ErrnoException[] = []
  transport!: DatagramTransport
  lostWith: Error | null | undefined
  private depth = 0
  /** The methods that were called from inside a call to the transport. */
  readonly nested: Method[] = []
  private waiters: Future<void>[] = []
  private readonly loop = getRunningLoop()

  /** What the methods do, besides being written down. */
  constructor(private readonly hooks: DatagramProtocol = {}) {}

  connectionMade(transport: DatagramTransport): void {
    this.transport = transport
    this.note('connectionMade')
    this.hooks.connectionMade?.(transport)
  }

  datagramReceived(data: Buffer, addr: SocketName): void {
    this.datagrams.push({ data: Buffer.from(data), addr })
    this.note('datagramReceived')
    this.hooks.datagramReceived?.(data, addr)
  }

  errorReceived(error: Error): void {
    this.errors.push(error)
    this.note('errorReceived')
    this.hooks.errorReceived?.(error)
  }

  connectionLost(error: Error | null): void {
    this.lostWith = error
    this.note('connectionLost')
    this.hooks.connectionLost?.(error)
  }

  pauseWriting(): void {
    this.note('pauseWriting')
    this.hooks.pauseWriting?.()
  }

  resumeWriting(): void {
    this.note('resumeWriting')
    this.hooks.resumeWriting?.()
  }

  get texts(): string[] {
    return this.datagrams.map(({ data }) => String(data))
  }

  get name(): SocketName {
    return this.transport.getExtraInfo('sockname')!
  }

  count(method: Method): number {
    return this.calls.filter((call) => call === method).length
  }

  /** Runs `act`, which calls the transport; what the protocol is told meanwhile goes to `nested`. */
  inside<T>(act: () => T): T {
    this.depth++
    try {
      return act()
    } finally {
      this.depth--
    }
  }

  /** Waits until `condition` holds; it is looked at after each call. */
  *until(condition: () => boolean): Coroutine<void> {
    while (!condition()) {
      const waiter = new Future<void>(this.loop)
      this.waiters.push(waiter)
      yield* waiter
    }
  }

  *untilReceived(count: number): Coroutine<string[]> {
    yield* this.until(() => this.datagrams.length >= count)
    return this.texts
  }

  *untilLost(): Coroutine<Error | null> {
    yield* this.until(() => this.lostWith !== undefined)
    return this.lostWith ?? null
  }

  private note(method: Method): void {
    this.calls.push(method)
    if (this.depth > 0) this.nested.push(method)
    for (const waiter of this.waiters.splice(0)) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }
}

/** An endpoint; by default on a free port of 127.0.0.1. */
export function* openEndpoint(
  options: DatagramEndpointOptions = { localAddr: ['127.0.0.1', 0] },
  hooks: DatagramProtocol = {},
): Coroutine<DatagramRecorder> {
  const loop = getRunningLoop()
  const endpoint = yield* loop.createDatagramEndpoint(() => new DatagramRecorder(hooks), options)
  return endpoint.protocol
}

export interface DatagramPair {
  server: DatagramRecorder
  /** Connected to the server. */
  client: DatagramRecorder
}

/** Runs `body` with two endpoints, and drops them whatever comes of it. */
export function* withEndpoints(
  body: (pair: DatagramPair) => Coroutine<void>,
  hooks: { client?: DatagramProtocol; server?: DatagramProtocol } = {},
): Coroutine<void> {
  const server = yield* openEndpoint(undefined, hooks.server)
  const client = yield* openEndpoint({ remoteAddr: server.name }, hooks.client)
  try {
    yield* body({ server, client })
  } finally {
    server.transport.abort()
    client.transport.abort()
    yield* server.untilLost()
    yield* client.untilLost()
  }
}
