// A connection that the fallback makes: a node:net socket that connects and speaks the backend's
// contract.

import net from 'node:net'
import { NotSupportedError } from '../errors/errors'
import { systemError } from '../errors/system_error'
import type { ConnectEndpoint, InternetPlace, Place, StreamEvents } from './backend'
import { type Addresses, NodeSocketStream } from './node_socket_stream'
import type { NodeSockets } from './node_sockets'
import type { ReadyRing } from './ready_ring'
import { socketAddress } from './socket_address'

/**
 * Node 20 fills the rest of an abstract name with NULs, which makes it another name than everybody
 * else's.
 */
export const NO_ABSTRACT_NAMES =
  'abstract names need the native backend: node:net gives them another length than other programs'

export class FallbackStream extends NodeSocketStream {
  static connect(
    ring: ReadyRing,
    endpoint: ConnectEndpoint,
    events: StreamEvents,
    sockets: NodeSockets,
  ): FallbackStream {
    const socket = new net.Socket({ allowHalfOpen: true })
    const stream = new FallbackStream(ring, socket, sockets)
    stream.attach(events)
    const { to, from } = endpoint
    socket.on('connect', () => {
      stream.setAddresses(addressesOf(socket, 'path' in to ? { own: '', peer: to.path } : null))
      // A socket starts to read when it connects, unless it was paused since.
      if (!stream.isWaiting) socket.pause()
      stream.refresh()
      stream.enqueue((to) => to.streamConnected())
    })
    if (from !== null) stream.restateErrors(from)
    if (isAbstract(to)) socket.destroy(new NotSupportedError(NO_ABSTRACT_NAMES))
    else socket.connect(connectOptions(to, from))
    return stream
  }

  /**
   * libuv keeps back that a local port is taken until it connects, and Node then says that connecting
   * failed.
   */
  private restateErrors(from: InternetPlace): void {
    this.stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' && error.errno !== undefined) {
        this.failWith(systemError(-error.errno, 'bind', from))
      }
    })
  }
}

/**
 * The addresses of a connected socket. Node does not tell those of Unix sockets, so whoever knows the
 * paths gives them; the name that a peer may have given itself stays unknown.
 */
export function addressesOf(
  socket: net.Socket,
  paths: { own: string; peer: string } | null,
): Addresses {
  if (paths === null) {
    return {
      own: socketAddress(socket.localAddress, socket.localPort),
      peer: socketAddress(socket.remoteAddress, socket.remotePort),
    }
  }
  return {
    own: { address: paths.own, family: 'Unix', port: 0 },
    peer: { address: paths.peer, family: 'Unix', port: 0 },
  }
}

export function isAbstract(place: Place): boolean {
  return 'path' in place && place.path.startsWith('\0')
}

function connectOptions(to: Place, from: InternetPlace | null): net.SocketConnectOpts {
  if ('path' in to) return to
  const { address: host, port } = to
  if (from === null) return { host, port }
  const { address: localAddress, port: localPort } = from
  return { host, port, localAddress, ...(localPort === 0 ? {} : { localPort }) }
}
