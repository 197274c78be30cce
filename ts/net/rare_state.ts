// What few transports have at a time: more to send than the system takes, reading that is paused and what
// came meanwhile, a sending half that has ended, a file, TLS on top. A server may hold many thousand
// connections that are idle, and those share one RareState that says "nothing".

import type { Future } from '../future/future'
import type { SocketName } from './protocol'
import type { WriteFlow } from './write_flow'

/** What became of a file that the kernel was to send. */
export interface FileOutcome {
  bytes: number
  error: NodeJS.ErrnoException | null
}

/** What a transport holds that holds nothing; never written to. */
const NONE_HELD: readonly (Buffer | null)[] = []

/** `Upper`: what can stand on a transport. */
export class RareState<Upper> {
  /** Made when the system takes no more, or when somebody asks for the limits. */
  flow: WriteFlow | null = null
  readingPaused = false
  eofWritten = false
  /** What arrived while reading was paused: bytes, or null for the end. */
  held = NONE_HELD as (Buffer | null)[]
  /** What made the transport close itself. */
  failure: Error | null = null
  /** What stands on the transport and closes it in its own way, such as TLS. */
  upper: Upper | null = null
  /** What stands below is lost, and says so when this transport has told its protocol. */
  afterLost: (() => void) | null = null
  /** Kept when they were asked for once, as logs ask again when the connection is lost. */
  peername: SocketName | null = null
  sockname: SocketName | null = null
  /** A file is being sent; what becomes of it if the kernel does that. */
  sendingFile = false
  fileOutcome: Future<FileOutcome> | null = null

  hold(data: Buffer | null): void {
    if (this.held === NONE_HELD) this.held = [data]
    else this.held.push(data)
  }

  dropHeld(): void {
    this.held = NONE_HELD as (Buffer | null)[]
  }
}

/** That of a transport of which nothing is so; never written to. */
export const NOTHING_RARE: Readonly<RareState<never>> = new RareState<never>()
