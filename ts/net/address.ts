// Names of hosts and addresses of sockets.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { SocketAddress } from '../backend/backend'
import { nameOf, type SocketName } from '../backend/socket_name'
import { checkPort, invalidType } from '../errors/arguments'
import type { Future } from '../future/future'
import { wrap } from '../task/create'

export interface ResolvedAddress {
  address: string
  family: 4 | 6
}

/** Where to connect or listen. */
export interface HostPort {
  host: string | undefined
  port: number
}

/** Throws TypeError or RangeError for a host that is no string and a port that is no port. */
export function checkHostPort(host: unknown, port: unknown): HostPort {
  if (host !== undefined && host !== null && typeof host !== 'string') {
    throw invalidType('host', 'a string', host)
  }
  checkPort('port', port)
  return { host: typeof host === 'string' && host !== '' ? host : undefined, port }
}

/** All addresses of a host name, in the resolver's order; an address stands for itself. */
export function* resolve(host: string): Generator<Future<unknown>, ResolvedAddress[], unknown> {
  const [plain] = host.split('%', 1) as [string]
  const family = isIP(plain)
  if (family !== 0) return [{ address: host, family: family as 4 | 6 }]
  const found = yield* wrap(lookup(host, { all: true, verbatim: true }))
  return found.map(({ address, family: kind }) => ({ address, family: kind as 4 | 6 }))
}

/** `[host, port]`, with names for the parts. */
export function socketName(address: SocketAddress | null): SocketName | null {
  return address === null ? null : nameOf(address)
}
