// A stream of Node's that speaks the backend's contract: what Node emits goes through the ready
// ring, so that it reaches protocols inside a turn and in order, as on native.
//
// Invariants: 1. Nothing is told from inside a call to the handle.
//             2. streamClosed is the last thing told, once, when Node's stream has closed.
//             3. The bytes of `write` are the caller's again when it returns.
// Knows nothing of what kind of stream it is.

import type { Duplex } from 'node:stream'
import { GyreError } from '../errors/errors'
import type { NodeSocketHandle, SocketAddress, StreamEvents, StreamHandle } from './backend'
import { type ReadyRing, RUN_KIND } from './ready_ring'
import { socketAddress } from './socket_address'

/** What streams that have a socket below them may offer besides. */
interface SocketFeatures {
  localAddress?: string | undefined
  localPort?: number | undefined
  remoteAddress?: string | undefined
  remotePort?: number | undefined
  setNoDelay?: (enabled: boolean) => unknown
  setKeepAlive?: (enabled: boolean, initialDelayMs: number) => unknown
}

export class DuplexStream<S extends Duplex = Duplex> implements StreamHandle {
  private events: StreamEvents | null = null
  private error: Error | null = null
  private drainMark = -1
  /** Whether the stream may close without an error: its end came, or it was told to close. */
  private mayClose = false

  constructor(
    private readonly ring: ReadyRing,
    protected readonly stream: S,
  ) {
    stream.pause()
    stream.on('data', this.arrived)
    stream.on('end', this.ended)
    stream.on('error', (error) => {
      this.failWith(error)
      stream.destroy()
    })
    stream.on('close', () => this.closed())
  }

  attach(events: StreamEvents): void {
    this.events = events
  }

  write(data: Uint8Array): void {
    if (this.stream.destroyed) return
    // The caller may reuse its memory as soon as this returns, while Node keeps what it is given, and
    // some streams hand it on.
    this.stream.write(Buffer.from(data), this.written)
    this.refresh()
  }

  bufferedEstimate(): number {
    return this.bufferedBytes()
  }

  bufferedBytes(): number {
    return this.stream.destroyed ? 0 : this.stream.writableLength
  }

  /** Node has no way to its streams for the kernel's sendfile. */
  sendFile(): boolean {
    return false
  }

  watchDrain(lowBytes: number): void {
    this.drainMark = lowBytes
    this.tellIfDrained()
  }

  startReading(): void {
    this.stream.resume()
    this.refresh()
  }

  stopReading(): void {
    this.stream.pause()
    this.refresh()
  }

  /** A copy: who has the stream may hear of its data too, or use the memory again. */
  keep(data: Uint8Array): Buffer {
    return Buffer.from(data)
  }

  lend(): null {
    return null
  }

  toNodeSocket(): NodeSocketHandle | null {
    return null
  }

  shutdown(): void {
    this.stream.end()
    this.refresh()
  }

  close(): void {
    this.expectClose()
    this.stopReading()
    const { stream } = this
    if (stream.destroyed) return
    if (stream.writableFinished) stream.destroy()
    else if (stream.writableEnded) stream.once('finish', () => stream.destroy())
    else stream.end(() => stream.destroy())
    this.refresh()
  }

  abort(): void {
    this.destroy()
  }

  destroy(): void {
    this.expectClose()
    this.stream.destroy()
  }

  localAddress(): SocketAddress | null {
    const { localAddress, localPort } = this.features
    return socketAddress(localAddress, localPort)
  }

  remoteAddress(): SocketAddress | null {
    const { remoteAddress, remotePort } = this.features
    return socketAddress(remoteAddress, remotePort)
  }

  setNoDelay(enabled: boolean): void {
    this.features.setNoDelay?.(enabled)
  }

  setKeepAlive(enabled: boolean, delaySeconds: number): void {
    this.features.setKeepAlive?.(enabled, delaySeconds * 1000)
  }

  /** What comes in is somebody else's affair from now on. */
  protected stopListening(): void {
    this.stream.off('data', this.arrived)
    this.stream.off('end', this.ended)
  }

  /** From now on a stream that closes does what it was told to. */
  protected expectClose(): void {
    this.mayClose = true
  }

  /** @internal Data came in, and its turn has come. */
  _deliver(data: Buffer): void {
    this.events?.streamData(data)
  }

  /** Called when there may be more or less to wait for than before. */
  protected refresh(): void {}

  /** The stream has failed; this is why. */
  protected failWith(error: Error): void {
    this.error = error
  }

  /** Node's stream has closed; what follows is told last. */
  protected closed(): void {
    const isEarly = this.error === null && !this.mayClose
    const error = isEarly ? prematureClose() : this.error
    this.enqueue((events) => {
      this.events = null
      events.streamClosed(error)
    })
  }

  protected enqueue(tell: (events: StreamEvents) => void): void {
    this.ring.push(RUN_KIND, {
      run: () => {
        if (this.events !== null) tell(this.events)
      },
    })
  }

  private readonly arrived = (data: Buffer): void =>
    this.ring.push(RUN_KIND, new Arrival(this, data))

  private readonly ended = (): void => {
    this.mayClose = true
    this.enqueue((events) => events.streamEnded())
  }

  private get features(): SocketFeatures {
    return this.stream as SocketFeatures
  }

  protected readonly written = (error?: Error | null): void => this.writeEnded(error)

  /** Node has finished a write, well or badly. */
  protected writeEnded(error: Error | null | undefined): void {
    // What failed or was dropped has left the buffer too, and yet nothing has drained.
    if (this.stream.destroyed) return
    if (error) {
      // Node's 'error' event may not come: a stream that is ending is destroyed before.
      this.failWith(error)
      return
    }
    this.refresh()
    this.tellIfDrained()
  }

  private tellIfDrained(): void {
    if (this.drainMark < 0 || this.stream.destroyed) return
    if (this.stream.writableLength > this.drainMark) return
    this.drainMark = -1
    this.enqueue((events) => events.streamDrained())
  }
}

/** Data in the ready ring: an object, as a closure for each chunk would be dearer. */
class Arrival {
  constructor(
    private readonly stream: DuplexStream,
    private readonly data: Buffer,
  ) {}

  run(): void {
    this.stream._deliver(this.data)
  }
}

/** Somebody destroyed the stream, who was not the one that has the handle. */
function prematureClose(): Error {
  return new GyreError('the stream was closed before its end', 'ERR_STREAM_PREMATURE_CLOSE')
}
