// Addresses of sockets, and their names as protocols are given them.

/** The name of a socket. Of a Unix socket, `address` is the path ('' for none), and `port` is 0. */
export interface SocketAddress {
  address: string
  family: 'IPv4' | 'IPv6' | 'Unix'
  port: number
}

/**
 * Host, port and family of a socket: `[host, port]` as in Python, with names for the parts. Of a Unix
 * socket, `address` is the path, '' for a socket without a name, and `port` is 0.
 */
export type SocketName = readonly [host: string, port: number] & {
  readonly address: string
  readonly port: number
  readonly family: 'IPv4' | 'IPv6' | 'Unix'
}

/** `[host, port]`, with names for the parts. */
export function nameOf(socketAddress: SocketAddress): SocketName {
  const { address, port, family } = socketAddress
  return Object.assign([address, port] as const, { address, port, family })
}
