// SocketTransport: a TCP or Unix connection for a protocol, over a stream of either backend.
//
// Invariants: 1. connectionMade comes first and connectionLost last, each once, and neither from
//                inside a call to the transport.
//             2. Nothing is given to the protocol between pauseReading and resumeReading; what was
//                on its way is kept.
//             3. While a file is being sent, nothing but it is written; a close waits for its end.

import type { AsyncResource } from 'node:async_hooks'
import { inspect } from 'node:util'
import type { Lease, SocketAddress, StreamEvents, StreamHandle } from '../backend/backend'
import { checkInteger, invalidType } from '../errors/arguments'
import { endsLoop, RuntimeError } from '../errors/errors'
import { Future } from '../future/future'
import { captureContext } from '../loop/context'
import type { EventLoop } from '../loop/loop'
import { socketName } from './address'
import type {
  ExtraInfo,
  Protocol,
  SocketInfo,
  SocketName,
  Transport,
  Writable,
  WriteBufferLimits,
} from './protocol'
import { toBytes } from './writable'
import { HIGH_WATER_BYTES, WriteFlow } from './write_flow'

/**
 * OPEN: both directions. CLOSING: close was called. CLOSED: connectionLost was called, or is next.
 */
const State = { OPEN: 0, CLOSING: 1, CLOSED: 2 } as const
type State = (typeof State)[keyof typeof State]

/** What became of a file that the kernel was to send. */
export interface FileOutcome {
  bytes: number
  error: NodeJS.ErrnoException | null
}

/** What a transport holds that holds nothing; never written to. */
const NONE_HELD: (Buffer | null)[] = []

function ignore(): void {}

export class SocketTransport implements Transport, StreamEvents {
  private stream!: StreamHandle
  /** Made when it is needed, as few connections have more to send than the system takes. */
  private flow: WriteFlow | null = null
  private state: State = State.OPEN
  private readingPaused = false
  private eofWritten = false
  /** What arrived while reading was paused: bytes, or null for the end. */
  private held: (Buffer | null)[] = NONE_HELD
  /** What made the transport close itself. */
  private failure: Error | null = null
  /** @internal What stands on this transport and closes it in its own way, such as TLS. */
  _upper: SocketTransport | null = null
  /** What stands below is lost, and says so when this has told its protocol. */
  private afterLost: (() => void) | null = null
  /** Kept when they were asked for once, as logs ask again when the connection is lost. */
  private peername: SocketName | null = null
  private sockname: SocketName | null = null
  /** A file is being sent; what becomes of it if the kernel does that. */
  private sendingFile = false
  private fileOutcome: Future<FileOutcome> | null = null
  /** @internal In which its protocol is called. */
  readonly _context: AsyncResource

  constructor(
    protected readonly loop: EventLoop,
    private protocol: Protocol,
    private readonly onConnected: (error: Error | null) => void = ignore,
    private readonly onLost: (transport: SocketTransport) => void = ignore,
  ) {
    this._context = captureContext('GyreTransport')
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
    if (!this.readingPaused && this.state === State.OPEN) this.stream.startReading()
  }

  write(data: Writable): void {
    const bytes = toBytes(data)
    if (this.eofWritten) {
      throw new RuntimeError('Cannot call write() after writeEof()', 'ERR_WRITE_AFTER_EOF')
    }
    this.checkNoFile()
    if (this.state !== State.OPEN || bytes.byteLength === 0) return
    this.stream.write(bytes)
    this.pauseIfFull()
  }

  writelines(list: Iterable<Writable>): void {
    for (const data of list) this.write(data)
  }

  writeEof(): void {
    this._endSending()
  }

  /** @internal Also where protocols may not do it: node:tls ends one direction, asyncio does not. */
  _endSending(): void {
    if (this.state !== State.OPEN || this.eofWritten) return
    this.checkNoFile()
    this.eofWritten = true
    this.stream.shutdown()
  }

  canWriteEof(): boolean {
    return true
  }

  close(): void {
    if (this.state !== State.OPEN) return
    this.state = State.CLOSING
    this.held = NONE_HELD
    if (this.sendingFile) this.stream.stopReading()
    else this.stream.close()
  }

  abort(): void {
    if (this.state === State.CLOSED) return
    this.state = State.CLOSING
    this.held = NONE_HELD
    this.stream.abort()
  }

  isClosing(): boolean {
    return this.state !== State.OPEN
  }

  pauseReading(): void {
    if (this.state !== State.OPEN || this.readingPaused) return
    this.readingPaused = true
    this.stream.stopReading()
  }

  resumeReading(): void {
    if (this.state !== State.OPEN || !this.readingPaused) return
    this.readingPaused = false
    this.stream.startReading()
    if (this.held.length > 0) this.loop.callSoon(() => this.deliverHeld())
  }

  isReading(): boolean {
    return this.state === State.OPEN && !this.readingPaused
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
    if (typeof protocol !== 'object' || protocol === null) {
      throw invalidType('protocol', 'an object', protocol)
    }
    this.protocol = protocol
  }

  getProtocol(): Protocol {
    return this.protocol
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K]
  getExtraInfo<D = undefined>(name: string, fallback?: D): D | undefined
  getExtraInfo(name: string, fallback?: unknown): unknown {
    const { stream } = this
    if (name === 'peername') {
      this.peername ??= socketName(stream.remoteAddress())
      return this.peername
    }
    if (name === 'sockname') {
      this.sockname ??= socketName(stream.localAddress())
      return this.sockname
    }
    if (name !== 'socket') return fallback
    const info: SocketInfo = {
      getsockname: () => this.getExtraInfo('sockname'),
      getpeername: () => this.getExtraInfo('peername'),
      setNoDelay: (enabled = true) => stream.setNoDelay(enabled),
      setKeepAlive: (enabled = true, delaySeconds = 0) => {
        checkInteger('delaySeconds', delaySeconds, 0)
        stream.setKeepAlive(enabled, delaySeconds)
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
    this.onConnected(null)
  }

  /** @internal */
  streamData(data: Buffer): void {
    if (this.state !== State.OPEN) return
    if (this.readingPaused || this.held.length > 0) this.hold(this.stream.keep(data))
    else this.deliver(data)
  }

  /** @internal */
  streamEnded(): void {
    if (this.state !== State.OPEN) return
    if (this.readingPaused || this.held.length > 0) this.hold(null)
    else this.deliver(null)
  }

  /** @internal The data of a `dataReceived` that has not returned yet, for whoever must hold it. */
  _keep(data: Uint8Array): Buffer {
    return this.stream.keep(data)
  }

  /** @internal The same for as long as it takes; null where it can only be kept. */
  _lend(data: Uint8Array): Lease | null {
    return this.stream.lend(data)
  }

  /** @internal Reserves the transport for a file: only `_sendFile` and `_writeFile` write to it. */
  _beginFile(): void {
    this.checkNoFile()
    if (this.state !== State.OPEN) throw closing()
    if (this.eofWritten) {
      throw new RuntimeError('Cannot send a file after writeEof()', 'ERR_WRITE_AFTER_EOF')
    }
    this.sendingFile = true
  }

  /** @internal Everybody may write again; harmless when it is called once too often. */
  _endFile(): void {
    if (!this.sendingFile) return
    this.sendingFile = false
    if (this.state === State.CLOSING) this.stream.close()
  }

  /** @internal Has the kernel send the file; null where it cannot. REQUIRES: between the two above. */
  _sendFile(fd: number, offset: number, count: number): Future<FileOutcome> | null {
    if (this.state === State.CLOSED) throw this.failure ?? closing()
    if (!this.stream.sendFile(fd, offset, count)) return null
    this.fileOutcome = new Future<FileOutcome>(this.loop)
    return this.fileOutcome
  }

  /** @internal Writes a piece of the file. REQUIRES: as `_sendFile`. */
  _writeFile(bytes: Uint8Array): void {
    this.stream.write(bytes)
    this.pauseIfFull()
  }

  /** @internal */
  streamFileSent(bytes: number, error: NodeJS.ErrnoException | null): void {
    const outcome = this.fileOutcome
    this.fileOutcome = null
    if (outcome !== null && !outcome.done()) outcome.setResult({ bytes, error })
  }

  /** @internal */
  streamDrained(): void {
    if (this.state !== State.CLOSED) this.flow?.drained()
  }

  /** @internal */
  streamClosed(error: Error | null): void {
    this.state = State.CLOSED
    this.held = NONE_HELD
    this.onConnected(error)
    const reason = this.failure ?? error
    if (this.fileOutcome !== null && !this.fileOutcome.done()) {
      this.fileOutcome.setException(reason ?? closing())
    }
    this.call('connectionLost', () => this.protocol.connectionLost?.(reason))
    this.tellLost()
  }

  /** @internal What was put on top of this last: closing it closes what is below, in order. */
  _top(): SocketTransport {
    return this._upper?._top() ?? this
  }

  /** Who counts connections hears of the loss when the last protocol on this one has. */
  private tellLost(): void {
    const upper = this._upper
    if (upper !== null && upper.state !== State.CLOSED) {
      upper.afterLost = () => this.tellLost()
      return
    }
    this.onLost(this)
    this.afterLost?.()
  }

  private writeFlow(): WriteFlow {
    this.flow ??= new WriteFlow(
      this.stream,
      () => this.call('pauseWriting', () => this.protocol.pauseWriting?.()),
      () => this.call('resumeWriting', () => this.protocol.resumeWriting?.()),
    )
    return this.flow
  }

  private pauseIfFull(): void {
    if (this.flow !== null) this.flow.pauseIfFull()
    else if (this.stream.bufferedEstimate() > HIGH_WATER_BYTES) this.writeFlow().pauseIfFull()
  }

  private hold(data: Buffer | null): void {
    if (this.held === NONE_HELD) this.held = [data]
    else this.held.push(data)
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
    while (this.held.length > 0 && this.isReading()) {
      this.deliver(this.held.shift() as Buffer | null)
    }
  }

  private checkNoFile(): void {
    if (!this.sendingFile) return
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
    this.failure = error instanceof Error ? error : new Error(String(error))
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
