// Addresses of sockets, from Node's words for them.

import net from 'node:net'
import type { SocketAddress } from './backend'

/** Null where the socket has no address (any more). */
export function socketAddress(
  address: string | undefined,
  port: number | undefined,
): SocketAddress | null {
  if (address === undefined || port === undefined) return null
  return { address, family: net.isIPv6(address) ? 'IPv6' : 'IPv4', port }
}
