// The pipes of a child process: transports of one direction over the streams that
// node:child_process makes, on both backends. Those streams are sockets that could do both: what is
// written to a child's output would be lost in there.

import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { NodeSocketStream } from '../backend/node_socket_stream'
import type { NodeSockets } from '../backend/node_sockets'
import { systemError } from '../errors/system_error'
import type { EventLoop } from '../loop/loop'
import { ReadPipeTransport, WritePipeTransport } from '../net/pipe_transport'
import type { Protocol } from '../net/protocol'

/** What the owner of a pipe is told. */
export interface PipeEvents {
  /** @internal */
  pipeData(fd: number, data: Buffer): void
  /** @internal */
  pipeLost(fd: number, error: Error | null): void
  /** @internal */
  pipePaused(): void
  /** @internal */
  pipeResumed(): void
}

/** The end of a pipe whose other end is the child's file descriptor `fd`. */
export class Pipe implements Protocol {
  readonly transport: ReadPipeTransport | WritePipeTransport
  isLost = false
  private readonly stream: NodeSocketStream

  constructor(
    loop: EventLoop,
    readonly fd: number,
    private readonly socket: Socket,
    sockets: NodeSockets,
    private readonly events: PipeEvents,
  ) {
    const Direction = fd === 0 ? WritePipeTransport : ReadPipeTransport
    const transport = new Direction(loop, this, null)
    this.stream = new NodeSocketStream(loop.ring, socket, sockets)
    this.stream.attach(transport)
    transport._attach(this.stream)
    this.transport = transport
  }

  /** Begins to read. */
  begin(): void {
    this.transport._begin()
  }

  /** The child, which reads this pipe, has exited: what it has not read is lost. */
  readerExited(): void {
    if (this.isLost) return
    const hasUnsent = this.socket.writableLength > 0
    if (hasUnsent) this.socket.destroy(systemError(constants.errno.EPIPE, 'write'))
    else this.stream.destroy()
  }

  dataReceived(data: Buffer): void {
    this.events.pipeData(this.fd, data)
  }

  connectionLost(error: Error | null): void {
    this.isLost = true
    this.events.pipeLost(this.fd, error)
  }

  pauseWriting(): void {
    this.events.pipePaused()
  }

  resumeWriting(): void {
    this.events.pipeResumed()
  }
}
