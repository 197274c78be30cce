// A listening socket of the fallback: a node:net server that speaks the backend's contract.
//
// libuv removes the file of a Unix socket when it closes it, whoever has the path by then. So the
// socket is bound to a passing name next to the path and linked from there: what is at the path is the
// server's business, as on native, and a path that is taken stays as it is.

import cluster from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, rmSync } from 'node:fs'
import net from 'node:net'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { NotSupportedError } from '../errors/errors'
import { systemError } from '../errors/system_error'
import type { ListenEndpoint, ListenerEvents, ListenerHandle, SocketAddress } from './backend'
import { addressesOf, isAbstract, NO_ABSTRACT_NAMES } from './fallback_stream'
import { NodeSocketStream } from './node_socket_stream'
import type { NodeSocket, NodeSockets } from './node_sockets'
import { type ReadyRing, RUN_KIND } from './ready_ring'
import { knowsReusePort } from './reuse_port'
import { socketAddress } from './socket_address'

/** sockaddr_un, less the NUL behind the path. libuv cuts off what is longer, and says nothing. */
const PATH_BYTES_MAX = 107

export class FallbackListener implements ListenerHandle, NodeSocket {
  private readonly server: net.Server
  private isListening = false
  private isClosed = false
  /** The path of a Unix socket; null for TCP. */
  private readonly path: string | null
  /** Where a Unix socket is bound until it is linked to its path. */
  private passingPath: string | null = null

  constructor(
    private readonly ring: ReadyRing,
    endpoint: ListenEndpoint,
    private readonly events: ListenerEvents,
    private readonly sockets: NodeSockets,
  ) {
    this.path = 'path' in endpoint.at ? endpoint.at.path : null
    this.server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true })
    this.server.on('listening', () => this.opened())
    this.server.on('error', (error) => this.failed(error))
    this.server.on('connection', (socket) => {
      const stream = new NodeSocketStream(ring, socket, sockets)
      stream.setAddresses(
        addressesOf(socket, this.path === null ? null : { own: this.path, peer: '' }),
      )
      this.enqueue(() => this.accept(stream), stream)
    })
    sockets.add(this)
    this.refresh()
    const lacking = missing(endpoint)
    if (lacking === null) this.listen(endpoint)
    else this.enqueue(() => this.events.listenFailed(new NotSupportedError(lacking)))
  }

  isOpen(): boolean {
    return this.isListening
  }

  localAddress(): SocketAddress | null {
    const { path } = this
    if (path !== null) return { address: path, family: 'Unix', port: 0 }
    const address = this.server.address()
    if (address === null || typeof address === 'string') return null
    return socketAddress(address.address, address.port)
  }

  /** Node's servers go on accepting by themselves: who comes waits with the server. */
  pause(): void {}
  resume(): void {}

  close(): void {
    this.isClosed = true
    this.destroy()
  }

  destroy(): void {
    this.sockets.remove(this)
    this.server.close()
  }

  refresh(): void {
    if (this.sockets.isActive) this.server.ref()
    else this.server.unref()
  }

  private listen({ at, backlog, ipv6Only, reusePort }: ListenEndpoint): void {
    if ('path' in at) {
      this.passingPath = passingPathFor(at.path)
      this.server.listen({ path: this.passingPath ?? at.path, backlog, exclusive: true })
    } else {
      const { address: host, port } = at
      const sharing = reusePort && !cluster.isWorker ? { reusePort } : {}
      const exclusive = !(reusePort && cluster.isWorker)
      this.server.listen({ host, port, backlog, ipv6Only, exclusive, ...sharing })
    }
  }

  private opened(): void {
    if (this.passingPath !== null) {
      try {
        linkSync(this.passingPath, this.path as string)
      } catch (error) {
        this.failed(error as NodeJS.ErrnoException)
        return
      } finally {
        rmSync(this.passingPath, { force: true })
      }
    }
    this.isListening = true
    this.enqueue(() => this.events.listening())
  }

  private failed(error: NodeJS.ErrnoException): void {
    const wasListening = this.isListening
    const told = this.path === null || wasListening ? error : pathError(error, this.path)
    this.enqueue(() => {
      if (wasListening) this.events.acceptFailed(error)
      else this.events.listenFailed(told)
    })
  }

  private accept(stream: NodeSocketStream): void {
    stream.attach(this.events.streamAccepted(stream))
  }

  /** `accepted` is dropped if the listener is closed before its turn comes. */
  private enqueue(tell: () => void, accepted?: NodeSocketStream): void {
    this.ring.push(RUN_KIND, {
      run: () => {
        if (!this.isClosed) tell()
        else accepted?.abort()
      },
    })
  }
}

/** What node:net cannot do of what is asked, or null. */
function missing({ at, reusePort, reuseAddress }: ListenEndpoint): string | null {
  if ('path' in at) return isAbstract(at) ? NO_ABSTRACT_NAMES : null
  if (reusePort && !canSharePort()) return NO_REUSE_PORT
  if (!reuseAddress) return 'reuseAddress: false needs the native backend: node:net always reuses'
  return null
}

/** A name next to the path; null where there is no file, or no room for a name. */
function passingPathFor(path: string): string | null {
  if (process.platform === 'win32') return null
  const passing = join(dirname(path), `.${randomBytes(5).toString('hex')}`)
  return Buffer.byteLength(passing) <= PATH_BYTES_MAX ? passing : null
}

/** The error as the native backend has it: the path that was asked for, and no passing name. */
function pathError(error: NodeJS.ErrnoException, path: string): Error {
  const { code, errno } = error
  if (errno === undefined) return error
  const { EADDRINUSE, ENOENT } = constants.errno
  // Linking to a path that is taken is what binding to it would have been.
  if (code === 'EEXIST') return systemError(EADDRINUSE, 'listen', { address: path })
  // libuv says EACCES for a directory that is not there, as Windows does.
  const isMissing = code === 'EACCES' && !existsSync(dirname(path))
  return systemError(isMissing ? ENOENT : -errno, 'listen', { address: path })
}

const NO_REUSE_PORT =
  'reusePort needs the native backend: node:net has no such option before Node 22.12'

/**
 * Whether listeners of several processes can have one port: by node:cluster, whose primary then hands out
 * the connections, or by SO_REUSEPORT.
 */
function canSharePort(): boolean {
  return cluster.isWorker || knowsReusePort()
}
