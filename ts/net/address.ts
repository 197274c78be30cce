// Names of hosts, paths, and addresses of sockets.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { SocketAddress } from '../backend/backend'
import { nameOf, type SocketName } from '../backend/socket_name'
import { checkPort, invalidType, outOfRange } from '../errors/arguments'
import type { Future } from '../future/future'
import { wrap } from '../task/create'

/** sockaddr_un(7) has room for 108 bytes, the last of a path being a NUL. */
const PATH_BYTES_MAX = 107

export type AddressFamily = 4 | 6

export interface ResolvedAddress {
  address: string
  family: AddressFamily
}

/** Where to connect or listen. */
export interface HostPort {
  host: string | undefined
  port: number
}

/**
 * Throws TypeError or RangeError for a host that is no string and a port that is no port. The system
 * would take a name for what stands before a NUL in it.
 */
export function checkHostPort(
  host: unknown,
  port: unknown,
  hostName = 'host',
  portName = 'port',
): HostPort {
  if (host !== undefined && host !== null && typeof host !== 'string') {
    throw invalidType(hostName, 'a string', host)
  }
  if (typeof host === 'string' && host.includes('\0')) {
    throw outOfRange(hostName, 'without a NUL', host)
  }
  checkPort(portName, port)
  return { host: typeof host === 'string' && host !== '' ? host : undefined, port }
}

/** The path of a Unix socket, or behind a NUL an abstract name: neither empty nor too long. */
export function checkPath(name: string, path: unknown): asserts path is string {
  if (typeof path !== 'string') throw invalidType(name, 'a string', path)
  const bytes = Buffer.byteLength(path)
  const bytesMax = path.startsWith('\0') ? PATH_BYTES_MAX + 1 : PATH_BYTES_MAX
  if (bytes === 0 || bytes > bytesMax) {
    throw outOfRange(name, `1 to ${bytesMax} bytes long (the system's limit)`, path)
  }
  if (path.indexOf('\0', 1) > 0 && !path.startsWith('\0')) {
    throw outOfRange(name, 'without a NUL, but for one at its start', path)
  }
}

/** 4, 6, or 0 and undefined for either. */
export function checkFamily(name: string, family: unknown): AddressFamily | undefined {
  if (family === undefined || family === 0) return undefined
  if (family !== 4 && family !== 6) throw outOfRange(name, '4, 6, or 0 for either', family)
  return family
}

/**
 * The family of a numeric address; 0 for any other text. An interface may follow an IPv6 address, as
 * in `fe80::1%br_lan`; node:net does not know all names of such.
 */
export function addressKind(text: string): AddressFamily | 0 {
  const [plain, zone] = text.split('%', 2) as [string, string | undefined]
  const kind = isIP(plain) as AddressFamily | 0
  if (zone === undefined) return kind
  return kind === 6 && zone !== '' ? 6 : 0
}

/**
 * All addresses of a host name, in the resolver's order; an address stands for itself. Rejects with
 * Node's error (ENOTFOUND …).
 */
export function* resolve(
  host: string,
  family?: AddressFamily,
  hints = 0,
): Generator<Future<unknown>, ResolvedAddress[], unknown> {
  const kind = addressKind(host)
  if (kind !== 0) {
    if (family !== undefined && family !== kind) throw notFound(host, family)
    return [{ address: host, family: kind }]
  }
  const found = yield* wrap(lookup(host, { all: true, verbatim: true, family: family ?? 0, hints }))
  return found.map((entry) => ({ address: entry.address, family: entry.family as AddressFamily }))
}

/** What the resolver says of an address of another family than was asked for, in Node's form. */
function notFound(host: string, family: AddressFamily): Error {
  const message = `getaddrinfo ENOTFOUND ${host}: not an IPv${family} address`
  return Object.assign(new Error(message), {
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname: host,
  })
}

/** `[host, port]`, with names for the parts. */
export function socketName(address: SocketAddress | null): SocketName | null {
  return address === null ? null : nameOf(address)
}
