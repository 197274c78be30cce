// SocketTransport: a TCP or Unix connection for a protocol, over a stream of either backend.
//
// Invariants: 1. connectionMade comes first and connectionLost last, each once, and neither from
//                inside a call to the transport.
//             2. Nothing is given to the protocol between pauseReading and resumeReading; what was
//                on its way is kept.
//             3. While a file is being sent, nothing but it is written; a close waits for its end.

import type { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import type {
  Lease,
  NodeSocketHandle,
  SocketAddress,
  StreamEvents,
  StreamHandle,
} from '../backend/backend'
import { checkInteger } from '../errors/arguments'
import { endsLoop, RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { ContextKeeper, contextOf } from '../loop/context'
import type { Linked } from '../loop/linked_list'
import type { EventLoop } from '../loop/loop'
import { socketName } from './address'
import {
  checkProtocol,
  type ExtraInfo,
  type Protocol,
  type SocketInfo,
  type Transport,
  type Writable,
  type WriteBufferLimits,
} from './protocol'
import { type FileOutcome, NOTHING_RARE, RareState } from './rare_state'
import { checkWritables, toBytes } from './writable'
import { HIGH_WATER_BYTES, WriteFlow } from './write_flow'

/**
 * OPEN: both directions. CLOSING: close was called. CLOSED: connectionLost was called, or is next.
 */
const State = { OPEN: 0, CLOSING: 1, CLOSED: 2 } as const
type State = (typeof State)[keyof typeof State]

/** Who opened a connection, or counts those that are open. */
export interface TransportOwner {
  /** @internal The stream is connected, or with an error never will be; said again when it is lost. */
  _connected?(error: Error | null): void
  /** @internal The protocol has heard that the connection is lost. */
  _lost?(transport: SocketTransport): void
}

/** The kernel takes no longer TCP_KEEPIDLE (tcp(7)); neither backend would say so. */
export const KEEP_ALIVE_SECONDS_MAX = 32_767

const NOBODY: TransportOwner = {}

export class SocketTransport extends ContextKeeper implements Transport, StreamEvents, Linked {
  /** @internal On the list of its server's connections. */ _previous: Linked | null = null
  /** @internal */ _next: Linked | null = null
  private stream!: StreamHandle
  private state: State = State.OPEN
  private rare: Readonly<RareState<SocketTransport>> = NOTHING_RARE

  constructor(
    protected readonly loop: EventLoop,
    private protocol: Protocol,
    private readonly owner: TransportOwner = NOBODY,
  ) {
    super('GyreTransport')
  }

  /** @internal In which its protocol is called. */
  get _context(): AsyncResource {
    return contextOf(this)
  }

  /** @internal The stream is there; the protocol hears of it with `begin`. */
  _attach(stream: StreamHandle): void {
    this.stream = stream
  }

  /** @internal Tells the protocol that the connection is made, and starts to read. */
  _begin(): void {
    this.call('connectionMade', () => this.protocol.connectionMade?.(this))
    this._startReading()
  }

  /** @internal Starts to read, unless the protocol wants none of it. */
  _startReading(): void {
    if (!this.rare.readingPaused && this.state === State.OPEN) this.stream.startReading()
  }

  write(data: Writable): void {
    const bytes = toBytes(data)
    if (this.rare.eofWritten) {
      throw new RuntimeError('Cannot call write() after writeEof()', 'ERR_WRITE_AFTER_EOF')
    }
    this.checkNoFile()
    if (this.state !== State.OPEN || bytes.byteLength === 0) return
    this.stream.write(bytes)
    this.pauseIfFull()
  }

  writelines(list: Iterable<Writable>): void {
    // All are looked at before the first is sent: half of a list would be none of the caller's doing.
    for (const data of checkWritables(list)) this.write(data)
  }

  writeEof(): void {
    this._endSending()
  }

  /** @internal Also where protocols may not do it: node:tls ends one direction, asyncio does not. */
  _endSending(): void {
    if (this.state !== State.OPEN || this.rare.eofWritten) return
    this.checkNoFile()
    this.ownRare().eofWritten = true
    this.stream.shutdown()
  }

  canWriteEof(): boolean {
    return true
  }

  close(): void {
    if (this.state !== State.OPEN) return
    this.state = State.CLOSING
    this.dropHeld()
    if (this.rare.sendingFile) this.stream.stopReading()
    else this.stream.close()
  }

  abort(): void {
    if (this.state === State.CLOSED) return
    this.state = State.CLOSING
    this.dropHeld()
    this.stream.abort()
  }

  isClosing(): boolean {
    return this.state !== State.OPEN
  }

  pauseReading(): void {
    if (this.state !== State.OPEN || this.rare.readingPaused) return
    this.ownRare().readingPaused = true
    this.stream.stopReading()
  }

  resumeReading(): void {
    if (this.state !== State.OPEN || !this.rare.readingPaused) return
    this.ownRare().readingPaused = false
    this.stream.startReading()
    if (this.rare.held.length > 0) this.loop.callSoon(() => this.deliverHeld())
  }

  isReading(): boolean {
    return this.state === State.OPEN && !this.rare.readingPaused
  }

  setWriteBufferLimits(limits: WriteBufferLimits = {}): void {
    const flow = this.writeFlow()
    flow.setLimits(limits)
    if (this.state === State.OPEN) flow.pauseIfFull()
  }

  getWriteBufferLimits(): { low: number; high: number } {
    return this.writeFlow().limits
  }

  getWriteBufferSize(): number {
    return this.state === State.CLOSED ? 0 : this.stream.bufferedBytes()
  }

  setProtocol(protocol: Protocol): void {
    checkProtocol('protocol', protocol)
    this.protocol = protocol
  }

  getProtocol(): Protocol {
    return this.protocol
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K]
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
  getExtraInfo(name: string, fallback?: unknown): unknown {
    const { stream, rare } = this
    if (name === 'peername') {
      if (rare.peername !== null) return rare.peername
      const name = socketName(stream.remoteAddress())
      if (name !== null) this.ownRare().peername = name
      return name
    }
    if (name === 'sockname') {
      if (rare.sockname !== null) return rare.sockname
      const name = socketName(stream.localAddress())
      if (name !== null) this.ownRare().sockname = name
      return name
    }
    if (name !== 'socket') return fallback
    const info: SocketInfo = {
      getsockname: () => this.getExtraInfo('sockname'),
      getpeername: () => this.getExtraInfo('peername'),
      setNoDelay: (enabled = true) => this.stream.setNoDelay(enabled),
      setKeepAlive: (enabled = true, delaySeconds = 0) => {
        checkInteger('delaySeconds', delaySeconds, 0, KEEP_ALIVE_SECONDS_MAX)
        this.stream.setKeepAlive(enabled, delaySeconds)
      },
    }
    return info
  }

  [inspect.custom](): string {
    const state = ['open', 'closing', 'closed'][this.state]
    const [from, to] = [this.stream?.localAddress(), this.stream?.remoteAddress()].map(addressText)
    return `<SocketTransport ${state} ${from} -> ${to} buffered=${this.stream?.bufferedEstimate()}>`
  }

  /** @internal */
  streamConnected(): void {
    this.owner._connected?.(null)
  }

  /** @internal */
  streamData(data: Buffer): void {
    if (this.state !== State.OPEN) return
    if (this.holdsBack()) this.ownRare().hold(this.stream.keep(data, false))
    else this.deliver(data)
  }

  /** @internal */
  streamEnded(): void {
    if (this.state !== State.OPEN) return
    if (this.holdsBack()) this.ownRare().hold(null)
    else this.deliver(null)
  }

  /** @internal The data of a `dataReceived` that has not returned yet, for whoever must hold it. */
  _keep(data: Uint8Array, isWanted: boolean): Buffer {
    return this.stream.keep(data, isWanted)
  }

  /** @internal The same for as long as it takes; null where it can only be kept. */
  _lend(data: Uint8Array, isWanted: boolean): Lease | null {
    return this.stream.lend(data, isWanted)
  }

  /**
   * @internal The connection as a socket of Node's that somebody else uses from now on; null where that
   * cannot be, or not now. REQUIRES: reading has been paused since the turn before.
   */
  _toNodeSocket(): NodeSocketHandle | null {
    const { sendingFile, held, eofWritten } = this.rare
    if (this.state !== State.OPEN || eofWritten || sendingFile) return null
    const handle = held.includes(null) ? null : this.stream.toNodeSocket(this)
    if (handle !== null) this.stream = handle
    return handle
  }

  /** @internal What came in while reading was paused, for somebody else. REQUIRES: `_toNodeSocket`. */
  _takeHeld(): Buffer[] {
    const { held } = this.rare
    if (held.length > 0) this.ownRare().dropHeld()
    return held as Buffer[]
  }

  /** @internal Reserves the transport for a file: only `_sendFile` and `_writeFile` write to it. */
  _beginFile(): void {
    this.checkNoFile()
    if (this.state !== State.OPEN) throw closing()
    if (this.rare.eofWritten) {
      throw new RuntimeError('Cannot send a file after writeEof()', 'ERR_WRITE_AFTER_EOF')
    }
    this.ownRare().sendingFile = true
  }

  /** @internal Everybody may write again; harmless when it is called once too often. */
  _endFile(): void {
    if (!this.rare.sendingFile) return
    this.ownRare().sendingFile = false
    if (this.state === State.CLOSING) this.stream.close()
  }

  /** @internal Has the kernel send the file; null where it cannot. REQUIRES: between the two above. */
  _sendFile(fd: number, offset: number, count: number): Future<FileOutcome> | null {
    if (this.state === State.CLOSED) throw this.rare.failure ?? closing()
    if (!this.stream.sendFile(fd, offset, count)) return null
    const outcome = new Future<FileOutcome>(this.loop)
    this.ownRare().fileOutcome = outcome
    return outcome
  }

  /** @internal Writes a piece of the file. REQUIRES: as `_sendFile`. */
  _writeFile(bytes: Uint8Array): void {
    this.stream.write(bytes)
    this.pauseIfFull()
  }

  /** @internal */
  streamFileSent(bytes: number, error: NodeJS.ErrnoException | null): void {
    const outcome = this.rare.fileOutcome
    if (outcome === null) return
    this.ownRare().fileOutcome = null
    if (!outcome.done()) outcome.setResult({ bytes, error })
  }

  /** @internal */
  streamDrained(): void {
    if (this.state !== State.CLOSED) this.rare.flow?.drained()
  }

  /** @internal */
  streamClosed(error: Error | null): void {
    this.state = State.CLOSED
    this.dropHeld()
    this.owner._connected?.(error)
    const { failure, fileOutcome } = this.rare
    const reason = failure ?? error
    if (fileOutcome !== null && !fileOutcome.done()) fileOutcome.setException(reason ?? closing())
    this.call('connectionLost', () => this.protocol.connectionLost?.(reason))
    this.tellLost()
  }

  /** @internal `upper` stands on this transport from now on, and closes it in its own way. */
  _putOn(upper: SocketTransport): void {
    this.ownRare().upper = upper
  }

  /** @internal What was put on top of this last: closing it closes what is below, in order. */
  _top(): SocketTransport {
    return this.rare.upper?._top() ?? this
  }

  /** Who counts connections hears of the loss when the last protocol on this one has. */
  private tellLost(): void {
    const { upper, afterLost } = this.rare
    if (upper !== null && upper.state !== State.CLOSED) {
      upper.ownRare().afterLost = () => this.tellLost()
      return
    }
    this.owner._lost?.(this)
    afterLost?.()
  }

  private writeFlow(): WriteFlow {
    const rare = this.ownRare()
    rare.flow ??= new WriteFlow(
      this.stream,
      () => this.call('pauseWriting', () => this.protocol.pauseWriting?.()),
      () => this.call('resumeWriting', () => this.protocol.resumeWriting?.()),
    )
    return rare.flow
  }

  /** For writing to it. */
  private ownRare(): RareState<SocketTransport> {
    if (this.rare === NOTHING_RARE) this.rare = new RareState<SocketTransport>()
    return this.rare
  }

  private pauseIfFull(): void {
    const { flow } = this.rare
    if (flow !== null) flow.pauseIfFull()
    else if (this.stream.bufferedEstimate() > HIGH_WATER_BYTES) this.writeFlow().pauseIfFull()
  }

  /** Whether what comes in has to wait, for reading to go on or behind what came before. */
  private holdsBack(): boolean {
    return this.rare.readingPaused || this.rare.held.length > 0
  }

  private dropHeld(): void {
    if (this.rare !== NOTHING_RARE) this.ownRare().dropHeld()
  }

  private deliver(data: Buffer | null): void {
    try {
      if (data === null) this.deliverEnd()
      else this._context.runInAsyncScope(receive, this.protocol, data)
    } catch (error) {
      const method = data === null ? 'eofReceived' : 'dataReceived'
      this.fail(error, `Fatal error: protocol.${method}() call failed.`)
    }
  }

  private deliverEnd(): void {
    const keepOpen = this._context.runInAsyncScope(() => this.protocol.eofReceived?.())
    if (keepOpen !== true || !this.canWriteEof()) this.close()
  }

  private deliverHeld(): void {
    while (this.rare.held.length > 0 && this.isReading()) {
      this.deliver(this.rare.held.shift() as Buffer | null)
    }
  }

  private checkNoFile(): void {
    if (!this.rare.sendingFile) return
    const message = 'sendfile() is in progress: nothing else can be written'
    throw new RuntimeError(message, 'ERR_SENDFILE_IN_PROGRESS')
  }

  /** Calls the protocol; what it throws is reported and the connection goes on, as in asyncio. */
  private call(method: string, act: () => void): void {
    try {
      this._context.runInAsyncScope(act)
    } catch (error) {
      const message = `protocol.${method}() failed`
      this.loop._callbackFailed(error, message, { protocol: this.protocol, transport: this })
    }
  }

  /** The protocol failed while it took data: its state is lost, so the connection is dropped. */
  private fail(error: unknown, message: string): void {
    const details = { protocol: this.protocol, transport: this }
    this.loop._callbackFailed(error, message, details)
    if (endsLoop(error)) return
    this.ownRare().failure = error instanceof Error ? error : new Error(String(error))
    this.abort()
  }
}

/** A plain function for runInAsyncScope, so that no closure is made for each chunk. */
function receive(this: Protocol, data: Buffer): void {
  this.dataReceived?.(data)
}

/** What comes of sending on a transport that is closing. */
export function closing(): RuntimeError {
  return new RuntimeError('Transport is closing', 'ERR_TRANSPORT_CLOSING')
}

function addressText(name: SocketAddress | null | undefined): string {
  if (name === null || name === undefined) return '?'
  const { address, family, port } = name
  return family === 'Unix' ? inspect(address) : `${address}:${port}`
}

/** @internal Ends the sending half of any transport that can; the others end when they are closed. */
export function endSending(transport: Transport): void {
  if (transport instanceof SocketTransport) transport._endSending()
  else if (transport.canWriteEof()) transport.writeEof()
}
