// EventLoop.createDatagramEndpoint: a UDP socket, with a protocol.

import {
  checkFunction,
  checkObject,
  checkSwitch,
  invalidType,
  outOfRange,
} from '../errors/arguments'
import { Future } from '../future/future'
import { EventLoop } from '../loop/loop'
import { createOwnOpening } from '../task/opening'
import { checkFamily, checkHostPort, type HostPort, type ResolvedAddress, resolve } from './address'
import type { DatagramProtocol, DatagramTransport } from './datagram_protocol'
import { type DefaultPeer, UdpTransport } from './datagram_transport'
import { checkProtocol } from './protocol'

/** A host name or address and a port, in Python's form or in Node's. */
export type EndpointAddress =
  | readonly [host: string | null, port: number]
  | { readonly host?: string | undefined; readonly port: number }

export interface DatagramEndpointOptions {
  /** Where to receive. By default any port of every interface. */
  localAddr?: EndpointAddress | undefined
  /** Whom to connect to: what is sent goes there, and only what comes from there is received. */
  remoteAddr?: EndpointAddress | undefined
  /**
   * 4 or 6: which addresses of host names to take, and what to open if there is no host. By default,
   * and with 0, either, and 4.
   */
  family?: 0 | 4 | 6 | undefined
  /** Lets several sockets share the port (SO_REUSEPORT); on the fallback from Node 22.12 on. */
  reusePort?: boolean | undefined
  /**
   * Allows broadcasting (SO_BROADCAST). With `remoteAddr` the socket is then not connected, as
   * answers to a broadcast come from elsewhere; `remoteAddr` is where everything is sent.
   */
  allowBroadcast?: boolean | undefined
  /** An IPv6 socket that does not take IPv4 too. */
  ipv6Only?: boolean | undefined
}

/** `{ transport, protocol }`, which can also be taken apart as `[transport, protocol]`. */
export type DatagramEndpoint<P extends DatagramProtocol> = readonly [
  transport: DatagramTransport,
  protocol: P,
] & {
  readonly transport: DatagramTransport
  readonly protocol: P
}

declare module '../loop/loop' {
  interface EventLoop {
    /**
     * Opens a UDP socket and gives the transport with the protocol that `factory` made, after
     * asyncio's create_datagram_endpoint (3.13). Every address of the hosts is tried in turn, until
     * one can be had. Rejects with the system's error (EADDRINUSE …). Cancelling it closes the
     * socket.
     */
    createDatagramEndpoint<P extends DatagramProtocol>(
      factory: () => P,
      options?: DatagramEndpointOptions,
    ): Future<DatagramEndpoint<P>>
  }
}

interface CheckedOptions {
  local: HostPort | null
  remote: HostPort | null
  family: 4 | 6 | undefined
  reusePort: boolean
  broadcast: boolean
  ipv6Only: boolean
}

EventLoop.prototype.createDatagramEndpoint = function createDatagramEndpoint<
  P extends DatagramProtocol,
>(
  this: EventLoop,
  factory: () => P,
  options: DatagramEndpointOptions = {},
): Future<DatagramEndpoint<P>> {
  checkFunction('factory', factory)
  const checked = checkOptions(options)
  this._checkOpen()
  const { local, remote } = checked
  const place = remote ?? local
  const name = place === null ? 'udp' : `udp ${place.host ?? '*'}:${place.port}`
  const steps = open(this, factory, checked)
  return createOwnOpening(this, steps, name, ({ transport }) => transport.abort())
}

function checkOptions(options: DatagramEndpointOptions): CheckedOptions {
  checkObject('options', options)
  const { reusePort = false, allowBroadcast: broadcast = false, ipv6Only = false } = options
  checkSwitch('options.reusePort', reusePort)
  checkSwitch('options.allowBroadcast', broadcast)
  checkSwitch('options.ipv6Only', ipv6Only)
  const remote = checkAddress('options.remoteAddr', options.remoteAddr)
  if (remote?.port === 0) throw outOfRange('options.remoteAddr port', 'from 1 to 65535', 0)
  return {
    local: checkAddress('options.localAddr', options.localAddr),
    remote,
    family: checkFamily('options.family', options.family),
    reusePort,
    broadcast,
    ipv6Only,
  }
}

function checkAddress(name: string, addr: EndpointAddress | undefined): HostPort | null {
  if (addr === undefined || addr === null) return null
  const value: unknown = addr
  if (typeof value !== 'object') throw invalidType(name, '[host, port] or { host, port }', addr)
  const names = [`${name} host`, `${name} port`] as const
  if (Array.isArray(value)) return checkHostPort(value[0], value[1], ...names)
  const { host, port } = value as HostPort
  return checkHostPort(host, port, ...names)
}

/** One way to open the socket. */
interface Candidate {
  local: { address: string; port: number }
  remote: { address: string; port: number } | null
}

function* open<P extends DatagramProtocol>(
  loop: EventLoop,
  factory: () => P,
  options: CheckedOptions,
): Generator<Future<unknown>, DatagramEndpoint<P>, unknown> {
  let failure: Error | null = null
  for (const candidate of yield* candidates(options)) {
    const outcome = yield* openAt(loop, factory, candidate, options)
    if (!(outcome instanceof Error)) return outcome
    // Of several reasons the first is told, as in asyncio.
    failure ??= outcome
  }
  throw failure ?? noAddress(options)
}

function noAddress({ local, remote }: CheckedOptions): Error {
  const hosts = [local, remote].flatMap((place) => place?.host ?? [])
  const error = new Error(`${hosts.join(' and ')} have no address of one family`)
  return Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo' })
}

function* candidates(options: CheckedOptions): Generator<Future<unknown>, Candidate[], unknown> {
  const { local, remote, family } = options
  const remotes = remote === null ? null : yield* addressesOf(remote, 'localhost', family)
  const locals = local?.host === undefined ? null : yield* addressesOf(local, local.host, family)
  const localPort = local?.port ?? 0
  const found: Candidate[] = []
  for (const kind of familiesIn(remotes ?? locals, family)) {
    const here = locals === null ? anyAddress(kind) : locals.find((each) => each.family === kind)
    if (here === undefined) continue
    const from = { address: here.address, port: localPort }
    if (remotes === null) found.push({ local: from, remote: null })
    for (const there of remotes ?? []) {
      if (there.family !== kind) continue
      const to = { address: there.address, port: (remote as HostPort).port }
      found.push({ local: from, remote: to })
    }
  }
  return found
}

/** The families to try, in order. */
function familiesIn(addresses: ResolvedAddress[] | null, family: 4 | 6 | undefined): Set<4 | 6> {
  if (addresses === null) return new Set([family ?? 4])
  return new Set(addresses.map((address) => address.family))
}

function anyAddress(family: 4 | 6): ResolvedAddress {
  return { address: family === 4 ? '0.0.0.0' : '::', family }
}

function* addressesOf(
  { host }: HostPort,
  byDefault: string,
  family: 4 | 6 | undefined,
): Generator<Future<unknown>, ResolvedAddress[], unknown> {
  const found = yield* resolve(host ?? byDefault)
  return family === undefined ? found : found.filter((address) => address.family === family)
}

/** One attempt: the endpoint, or why there is none. */
function* openAt<P extends DatagramProtocol>(
  loop: EventLoop,
  factory: () => P,
  { local, remote }: Candidate,
  { reusePort, broadcast, ipv6Only }: CheckedOptions,
): Generator<Future<unknown>, DatagramEndpoint<P> | Error, unknown> {
  const attempt = new Future<Error | null>(loop)
  const opened = (error: Error | null) => {
    if (!attempt.done()) attempt.setResult(error)
  }
  const peer: DefaultPeer | null = remote === null ? null : { ...remote, isConnected: !broadcast }
  // Until the socket is open, the transport has a protocol that hears of nothing.
  const transport = new UdpTransport(loop, {}, peer, opened)
  const connectTo = broadcast ? null : remote
  const options = { local, remote: connectTo, reusePort, broadcast, ipv6Only }
  transport._attach(loop._backend.openDatagram(options, transport))
  try {
    const error = yield* attempt
    if (error !== null) return error
    const protocol = factory()
    checkProtocol('factory()', protocol)
    transport.setProtocol(protocol)
    transport._begin()
    return Object.assign([transport, protocol] as const, { transport, protocol })
  } catch (error) {
    transport.abort()
    throw error
  }
}
