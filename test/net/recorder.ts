// A protocol that writes down what it is told, in order, and lets a coroutine wait for it.

import { type Coroutine, Future, getRunningLoop, type Protocol, type Transport } from 'gyre'

type Method = keyof Protocol

export class Recorder implements Protocol {
  /** The methods that were called, in order. */
  readonly calls: Method[] = []
  readonly chunks: Buffer[] = []
  transport!: Transport
  lostWith: Error | null | undefined
  /** Whether a call to the transport is on the stack; see `inside`. */
  private depth = 0
  /** The methods that were called from inside a call to the transport. */
  readonly nested: Method[] = []
  private waiters: Future<void>[] = []
  private readonly loop = getRunningLoop()

  /** What the methods do, besides being written down. */
  constructor(private readonly hooks: Protocol = {}) {}

  connectionMade(transport: Transport): void {
    this.transport = transport
    this.note('connectionMade')
    this.hooks.connectionMade?.(transport)
  }

  dataReceived(data: Buffer): void {
    this.chunks.push(Buffer.from(data))
    this.note('dataReceived')
    this.hooks.dataReceived?.(data)
  }

  eofReceived(): boolean {
    this.note('eofReceived')
    return this.hooks.eofReceived?.() === true
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

  count(method: Method): number {
    return this.calls.filter((call) => call === method).length
  }

  /** The calls without repetitions in a row: how often data comes is the network's affair. */
  get phases(): Method[] {
    return this.calls.filter((call, index) => call !== this.calls[index - 1])
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get isLost(): boolean {
    return this.lostWith !== undefined
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

  *untilLost(): Coroutine<Error | null> {
    yield* this.until(() => this.isLost)
    return this.lostWith ?? null
  }

  *untilReceived(length: number): Coroutine<Buffer> {
    yield* this.until(() => this.chunks.reduce((sum, chunk) => sum + chunk.length, 0) >= length)
    return this.received
  }

  private note(method: Method): void {
    this.calls.push(method)
    if (this.depth > 0) this.nested.push(method)
    for (const waiter of this.waiters.splice(0)) {
      if (!waiter.done()) waiter.setResult(undefined)
    }
  }
}
