// What a protocol and a transport of a child process are to each other, after asyncio's
// SubprocessProtocol and SubprocessTransport (3.13).

import type { Transport } from '../net/protocol'

/** What hears of a child process. Every method is optional; all are called from inside a turn. */
export interface SubprocessProtocol {
  /** The child runs. Called once, first. */
  connectionMade?(transport: SubprocessTransport): void
  /** The child wrote to its stdout (1) or stderr (2). `data` is borrowed until the call returns. */
  pipeDataReceived?(fd: number, data: Buffer): void
  /** The pipe to stdin (0) or from an output is over: null at its end, else what broke it. */
  pipeConnectionLost?(fd: number, error: Error | null): void
  /** The child has exited; `transport.getReturncode()` says how. Pipes may still hold data. */
  processExited?(): void
  /** The child has exited and all its pipes are over. Called once, last. */
  connectionLost?(error: Error | null): void
  /** More than the high-water mark waits to be written to stdin: write no more for now. */
  pauseWriting?(): void
  /** What waits fell to the low-water mark. */
  resumeWriting?(): void
}

/** A child process, as a protocol uses it. */
export interface SubprocessTransport {
  getPid(): number
  /** The exit code; -n if signal n ended the child; null while it runs. */
  getReturncode(): number | null
  /**
   * The transport of the pipe at the child's descriptor 0, 1 or 2; null if there is no pipe. It is of
   * one direction: 0 reads nothing, and writing to 1 or 2 is a RuntimeError (`ERR_READ_ONLY_PIPE`).
   */
  getPipeTransport(fd: number): Transport | null
  /**
   * Sends a signal, given by name or number. Throws the system's error: ESRCH once the child has
   * exited, EPERM for a child of another user.
   */
  sendSignal(signal: NodeJS.Signals | number): void
  /** Sends SIGTERM. */
  terminate(): void
  /** Sends SIGKILL. */
  kill(): void
  /** Closes the pipes, and kills the child if it still runs. Idempotent. */
  close(): void
  isClosing(): boolean
  setProtocol(protocol: SubprocessProtocol): void
  getProtocol(): SubprocessProtocol
}
