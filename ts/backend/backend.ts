// The contract between the loop and what drives it. Two backends implement it: `native.ts` over the
// C++ addon, `fallback.ts` over node:net and Node's timers. One test suite runs on both.
//
// A backend owns the clock, the deadlines and the sockets. It appends what happened to the loop's
// ready ring and calls `host.visit()` to have it run; it never calls user code by itself.

import type { Socket } from 'node:net'
import type { DatagramEvents, DatagramHandle, DatagramOptions } from './datagram_contract'
import type { DescriptorEvents, DescriptorWatch, PipeOptions } from './descriptor_contract'
import type { ReadyRing } from './ready_ring'
import type { SocketAddress } from './socket_name'
import type { TimerTable } from './timer_table'

export type { SocketAddress }

export type BackendName = 'native' | 'fallback'

/** How a visit ended, and so what the backend has to do next. */
export const Visit = {
  /** Nothing is ready: wait for timers and I/O. */
  IDLE: 0,
  /** Promise continuations are due: let microtasks run, then visit again. */
  PROMISES: 1,
  /** More is ready, but Node's own events must get their share first. */
  BUDGET: 2,
  /** The loop was stopped; it wants no visits until it is active again. */
  STOPPED: 3,
} as const
export type Visit = (typeof Visit)[keyof typeof Visit]

/** How long a visit may go on before it hands back to libuv, in milliseconds. */
export const VISIT_BUDGET_MS = 1

/** Kinds of ready entries that every backend produces. Further ones below JS_KIND are its own. */
export const BackendKind = { TIMER: 1 } as const

/** What the loop offers its backend. */
export interface BackendHost {
  /** @internal */
  readonly ring: ReadyRing
  /** @internal */
  readonly timers: TimerTable
  /** @internal Runs turns until nothing is ready, promises are due, or the budget is spent. */
  visit(): Visit
  /** @internal When the last visit began that ran turns, on the real clock. */
  readonly visitBeganMs: number
  /** @internal Whether a visit would find something to do at once. */
  wantsVisit(): boolean
}

export interface Backend {
  readonly name: BackendName
  /** What tells the backend of readiness: 'epoll', 'node'. */
  readonly poller: string

  /** How many sockets are open and descriptors watched. */
  readonly handles: number

  /** Milliseconds on the loop's clock: monotonic, fractions down to a nanosecond. */
  time(): number
  /** An inactive backend never visits; what becomes ready waits. */
  setActive(active: boolean): void
  /** REQUIRES: slot is armed in host.timers. `whenMs` may lie in the past. */
  armTimer(slot: number, whenMs: number): void
  /** REQUIRES: slot is armed in host.timers. */
  cancelTimer(slot: number): void
  /** Appends completed I/O and due timers to the ready ring, without waiting. */
  poll(): void
  /** Virtual clocks only: jumps to the next deadline and appends its timers; false if none. */
  advance(): boolean
  /** Runs a ready entry whose kind is the backend's own. */
  dispatch(kind: number, generation: number, slot: number, a: number, b: number): void

  /**
   * Opens a listening socket; `events.listening` or `events.listenFailed` tells the outcome.
   */
  listen(endpoint: ListenEndpoint, events: ListenerEvents): ListenerHandle
  /** Connects a socket; `events.streamConnected` or `events.streamClosed` tells the outcome. */
  connect(endpoint: ConnectEndpoint, events: StreamEvents): StreamHandle
  /** Opens a UDP socket; `events.datagramOpened` or `events.datagramClosed` tells the outcome. */
  openDatagram(options: DatagramOptions, events: DatagramEvents): DatagramHandle

  /** Watches a descriptor that others opened. Throws the system's error, or NotSupportedError. */
  watchDescriptor(
    fd: number,
    readable: boolean,
    writable: boolean,
    events: DescriptorEvents,
  ): DescriptorWatch

  /**
   * A stream over one end of a pipe, which hears neither `streamConnected` nor of the other
   * direction. Throws the system's error, or NotSupportedError, and then leaves the pipe alone.
   */
  openPipe(options: PipeOptions, events: StreamEvents): StreamHandle

  /** Closes all sockets and drops all timers. Idempotent. */
  close(): void
}

/** Where a TCP socket is: a numeric IPv4 or IPv6 address, and a port. */
export interface InternetPlace {
  address: string
  port: number
}

/** Where a Unix socket is. A path that begins with a NUL is a name in Linux's abstract name space. */
export interface UnixPlace {
  path: string
}

export type Place = InternetPlace | UnixPlace

export interface ListenEndpoint {
  at: Place
  backlog: number
  /** Accepts nobody before `resume`; who connects waits. */
  paused: boolean
  /** TCP only, like the next ones. */
  reuseAddress: boolean
  reusePort: boolean
  ipv6Only: boolean
}

export interface ConnectEndpoint {
  to: Place
  /** The place to connect from; the system chooses where there is none. */
  from: InternetPlace | null
}

/**
 * What happens to a stream. Calls come from inside a turn, never from inside a call to the handle.
 */
export interface StreamEvents {
  /** @internal */
  streamConnected(): void
  /** @internal `data` is borrowed: it is valid until the call returns. */
  streamData(data: Uint8Array): void
  /** @internal The peer will send no more; it may still receive. */
  streamEnded(): void
  /** @internal The unsent bytes fell to the mark given to `watchDrain`. */
  streamDrained(): void
  /**
   * @internal What `sendFile` began is over: so many bytes went out. With an error the file could not
   * be read to its end; the stream itself goes on.
   */
  streamFileSent(bytes: number, error: NodeJS.ErrnoException | null): void
  /** @internal Exactly once, the last call: null after close or abort, else what failed. */
  streamClosed(error: Error | null): void
}

/** What is lent until `release`, which is called once. */
export interface Lease {
  release(): void
}

/** A connection. Every method is harmless on a stream that is already closed. */
export interface StreamHandle {
  /** Takes all of `data` (a copy of what cannot be sent at once). */
  write(data: Uint8Array): void
  /** An upper bound of the bytes that wait in user space: cheap, for a first look. */
  bufferedEstimate(): number
  /** The bytes that wait in user space, after offering everything to the kernel. */
  bufferedBytes(): number
  /**
   * Sends `count` bytes (fewer if the file is shorter) of the regular file open at `fd`, behind what
   * was written before, without a copy in user space. Until `streamFileSent`, nothing may be
   * written. Returns false where the backend cannot do this; throws a system error where the stream
   * cannot. The caller may close `fd` when it returns.
   */
  sendFile(fd: number, offset: number, count: number): boolean
  /** Asks for one `streamDrained` when the unsent bytes are at most `lowBytes`. */
  watchDrain(lowBytes: number): void
  startReading(): void
  stopReading(): void
  /**
   * What `streamData` brings, as memory of the caller's: the same memory where the backend can give
   * it away, else a copy. `isWanted`: somebody waits for it, so that it will not be held for long.
   * REQUIRES: from inside `streamData`, where `data` is not a copy already.
   */
  keep(data: Uint8Array, isWanted: boolean): Buffer
  /**
   * Leaves what `streamData` brings where it is until the lease ends; null where the backend cannot.
   * REQUIRES: as `keep`.
   */
  lend(data: Uint8Array, isWanted: boolean): Lease | null
  /**
   * Goes on as a socket of Node's, which something else (node:tls) then reads and writes; this handle
   * is of no more use, and `events` hear of the end only. Null where that cannot be, or not now: bytes
   * are unsent, or a direction has ended. REQUIRES: everything that came in has been told, and reading
   * has been off since.
   */
  toNodeSocket(events: StreamEvents): NodeSocketHandle | null
  /** Sends what waits, then closes the sending half. */
  shutdown(): void
  /** Stops reading, sends what waits, then closes. */
  close(): void
  /** Drops what waits and closes. */
  abort(): void
  /** Known from the first call of an event on, and still after the last. */
  localAddress(): SocketAddress | null
  remoteAddress(): SocketAddress | null
  setNoDelay(enabled: boolean): void
  setKeepAlive(enabled: boolean, delaySeconds: number): void
}

/** A connection that is a socket of Node's, and whose bytes are somebody else's affair. */
export interface NodeSocketHandle extends StreamHandle {
  readonly socket: Socket
  /** Whether who uses the socket waits for anything: then it keeps the process alive. */
  hold(isWaiting: boolean): void
}

export interface ListenerEvents {
  listening(): void
  listenFailed(error: Error): void
  /** A connection came in. Returns who hears of it; reading is off until `startReading`. */
  streamAccepted(stream: StreamHandle): StreamEvents
  /** Accepting failed for want of a resource; the listener rests until `resume`. */
  acceptFailed(error: Error): void
}

export interface ListenerHandle {
  /** Whether there is a socket, and a file if it is to have one; so before `listening` is told. */
  isOpen(): boolean
  localAddress(): SocketAddress | null
  /** Accepts no more for now; who connects waits. Connections already accepted may still come. */
  pause(): void
  /** Accepts again, after `pause` or `acceptFailed`. */
  resume(): void
  close(): void
}
