// Addresses of sockets, and their names as protocols are given them.

export interface SocketAddress {
  address: string
  family: 'IPv4' | 'IPv6'
  port: number
}

/** Host, port and family of a socket: `[host, port]` as in Python, with names for the parts. */
export type SocketName = readonly [host: string, port: number] & {
  readonly address: string
  readonly port: number
  readonly family: 'IPv4' | 'IPv6'
}

/** `[host, port]`, with names for the parts. */
export function nameOf(socketAddress: SocketAddress): SocketName {
  const { address, port, family } = socketAddress
  return Object.assign([address, port] as const, { address, port, family })
}
