// ServerWorker: what the function that `serve` runs in each worker is given.

import type { Future } from '../future/future'
import { schedulingLoop } from '../loop/running'
import type { ProtocolFactory } from '../net/connection'
import type { ServerOptions } from '../net/listen'
import type { Protocol } from '../net/protocol'
import type { Server } from '../net/server'
import { type StreamHandler, type StreamServerOptions, startServer } from '../net/streams'
import type { WorkerStart } from './messages'

/** One of the workers of a group, as it sees itself. Its servers share the port of the group. */
export class ServerWorker {
  /** @internal */
  constructor(
    private readonly start: WorkerStart,
    private readonly onListening: (port: number) => void,
  ) {}

  /** 1 to the number of workers. One that takes the place of a dead one has its number. */
  get id(): number {
    return this.start.id
  }

  /** As `startServer`, on the host and port of the group; the tasks of handlers drain. */
  startServer(handler: StreamHandler, options: StreamServerOptions = {}): Future<Server> {
    return this.listening(startServer(handler, { drain: true, ...this.place(), ...options }))
  }

  /** As `loop.createServer`, on the host and port of the group. */
  createServer(factory: ProtocolFactory<Protocol>, options: ServerOptions = {}): Future<Server> {
    const place = { ...this.place(), ...options }
    return this.listening(schedulingLoop().createServer(factory, place))
  }

  private place(): ServerOptions {
    const { host, port, backlog, reusePort } = this.start
    return { host, port, reusePort, ...(backlog === undefined ? {} : { backlog }) }
  }

  private listening(server: Future<Server>): Future<Server> {
    server._onDone(() => {
      if (server.cancelled() || server._value instanceof Error) return
      const port = server.result().sockets[0]?.port
      if (port !== undefined) this.onListening(port)
    })
    return server
  }
}
