// EventLoop.getaddrinfo and getnameinfo: the system's own resolver, by way of node:dns, which runs it in
// libuv's threads. A lookup cannot be taken back: who is cancelled abandons it.

import { lookupService } from 'node:dns/promises'
import { nameOf, type SocketName } from '../backend/socket_name'
import { checkInteger, checkPort, invalidType, outOfRange } from '../errors/arguments'
import type { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { createOwnTask, wrap } from '../task/create'
import {
  type AddressFamily,
  addressKind,
  checkFamily,
  type ResolvedAddress,
  resolve,
} from './address'

/** What getaddrinfo(3) gives where no host is named. */
const LOOPBACK: readonly ResolvedAddress[] = [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
]

export interface AddressLookupOptions {
  /** 4 or 6 for addresses of that family alone; by default, and with 0, both. */
  family?: 0 | 4 | 6 | undefined
  /** Flags of node:dns, such as `dns.ADDRCONFIG`; 0 unless given. */
  flags?: number | undefined
}

export interface NameLookupOptions {
  /** The host as its address: nothing is looked up for it (NI_NUMERICHOST). */
  numericHost?: boolean | undefined
  /** The service as its port (NI_NUMERICSERV). */
  numericService?: boolean | undefined
  /** An address without a name is an error (NI_NAMEREQD). */
  nameRequired?: boolean | undefined
}

/** `{ host, service }`, which can also be taken apart as `[host, service]`. */
export type NameInfo = readonly [host: string, service: string] & {
  readonly host: string
  readonly service: string
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * The addresses of a host name, in the resolver's order, each with `port`, as `[host, port]` with
     * the names `address`, `port` and `family`. null is this host by its loopback addresses; an address
     * stands for itself. Rejects with Node's error, such as ENOTFOUND, which has `hostname`.
     */
    getaddrinfo(
      host: string | null,
      port?: number | null,
      options?: AddressLookupOptions,
    ): Future<SocketName[]>
    /**
     * The name of the host at an address, and of the service at a port, from `[address, port]`. What
     * has no name is given as a number, as getnameinfo(3) does.
     */
    getnameinfo(
      address: readonly [host: string, port: number],
      options?: NameLookupOptions,
    ): Future<NameInfo>
  }
}

EventLoop.prototype.getaddrinfo = function getaddrinfo(
  this: EventLoop,
  host: string | null,
  port: number | null = null,
  options: AddressLookupOptions = {},
): Future<SocketName[]> {
  this._checkOpen()
  if (host !== null && typeof host !== 'string') throw invalidType('host', 'a string or null', host)
  if (host === '') throw outOfRange('host', 'a name or an address', host)
  if (port !== null) checkPort('port', port)
  checkOptions(options)
  const { flags = 0 } = options
  const family = checkFamily('options.family', options.family)
  checkInteger('options.flags', flags, 0)
  const name = `resolve ${host ?? 'this host'}`
  return createOwnTask(this, findAddresses(host, port ?? 0, family, flags), { name })
}

EventLoop.prototype.getnameinfo = function getnameinfo(
  this: EventLoop,
  address: readonly [host: string, port: number],
  options: NameLookupOptions = {},
): Future<NameInfo> {
  this._checkOpen()
  if (!Array.isArray(address)) throw invalidType('address', 'an array [host, port]', address)
  const [host, port] = address as unknown[]
  if (typeof host !== 'string' || addressKind(host) === 0) {
    throw invalidType('address[0]', 'an IPv4 or IPv6 address', host)
  }
  checkPort('address[1]', port)
  checkOptions(options)
  return createOwnTask(this, findNames(host, port, options), { name: `name of ${host}:${port}` })
}

function checkOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options)
  }
}

function* findAddresses(
  host: string | null,
  port: number,
  family: AddressFamily | undefined,
  hints: number,
): Generator<Future<unknown>, SocketName[], unknown> {
  const found =
    host === null
      ? LOOPBACK.filter((entry) => family === undefined || entry.family === family)
      : yield* resolve(host, family, hints)
  return found.map(({ address, family: kind }) =>
    nameOf({ address, family: kind === 6 ? 'IPv6' : 'IPv4', port }),
  )
}

function* findNames(
  address: string,
  port: number,
  { numericHost = false, numericService = false, nameRequired = false }: NameLookupOptions,
): Generator<Future<unknown>, NameInfo, unknown> {
  const found = numericHost ? null : yield* namesOf(address, port, nameRequired)
  const host = found?.hostname ?? address
  let service = String(port)
  if (!numericService) service = found?.service ?? (yield* serviceAt(port))
  return Object.assign([host, service] as const, { host, service })
}

/** Both names; null where the address has none, which Node takes for a failure. */
function* namesOf(
  address: string,
  port: number,
  nameRequired: boolean,
): Generator<Future<unknown>, { hostname: string; service: string } | null, unknown> {
  try {
    return yield* wrap(lookupService(address, port))
  } catch (error) {
    if (nameRequired || (error as NodeJS.ErrnoException).code !== 'ENOTFOUND') throw error
    return null
  }
}

/** The name of a service alone: that of this host's own, as Node always asks for both. */
function* serviceAt(port: number): Generator<Future<unknown>, string, unknown> {
  const found = yield* namesOf('127.0.0.1', port, false)
  return found?.service ?? String(port)
}
