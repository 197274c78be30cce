// What can be asked of TLS: Node's own options, and how long its beginning and its end may take.

import { isIP } from 'node:net'
import type tls from 'node:tls'
import { checkDelay, checkFunction, invalidType, outOfRange } from '../errors/arguments'
import type { Transport } from '../net/protocol'

/** As asyncio's ssl_handshake_timeout and ssl_shutdown_timeout. */
const HANDSHAKE_TIMEOUT_MS = 60_000
const SHUTDOWN_TIMEOUT_MS = 30_000

export interface TlsTimeouts {
  /** How long the handshake may take, in milliseconds, more than 0. By default a minute. */
  handshakeTimeout?: number | undefined
  /**
   * How long a closing connection waits for the peer to take what is unsent and to say goodbye, in
   * milliseconds, more than 0. By default half a minute.
   */
  shutdownTimeout?: number | undefined
}

/**
 * A client's TLS: the options of Node's `tls.connect` (ca, cert, key, servername, ALPNProtocols,
 * rejectUnauthorized, minVersion …), and timeouts. The host that was connected to is the servername
 * unless another is given.
 */
export interface TlsClientOptions
  extends Omit<tls.ConnectionOptions, 'socket' | 'port' | 'path' | 'lookup' | 'timeout'>,
    TlsTimeouts {}

/**
 * A server's TLS: the options of Node's `tls.createServer` (cert, key, SNICallback, ALPNProtocols,
 * requestCert, ca, rejectUnauthorized, minVersion …), and timeouts.
 */
export interface TlsServerOptions extends Omit<tls.TlsOptions, 'handshakeTimeout'>, TlsTimeouts {
  /**
   * Hears of connections that did not get through the handshake, which no protocol hears of. They
   * are reported to the loop's exception handler in debug mode only, as in asyncio.
   */
  onHandshakeError?: ((error: Error, transport: Transport) => void) | undefined
}

/** What makes a server able to prove who it is. */
const IDENTITIES = ['cert', 'pfx', 'SNICallback', 'pskCallback'] as const

export function checkTimeouts(options: TlsTimeouts): Record<keyof TlsTimeouts, number> {
  const { handshakeTimeout = HANDSHAKE_TIMEOUT_MS, shutdownTimeout = SHUTDOWN_TIMEOUT_MS } = options
  checkTimeout('tls.handshakeTimeout', handshakeTimeout)
  checkTimeout('tls.shutdownTimeout', shutdownTimeout)
  return { handshakeTimeout, shutdownTimeout }
}

/** No handshake and no shutdown is done in no time (asyncio refuses 0, too). */
function checkTimeout(name: string, value: number): void {
  checkDelay(name, value)
  if (value === 0) throw outOfRange(name, 'more than 0 milliseconds', value)
}

/**
 * A client's options, complete. `host` is what was connected to; without it and without a
 * servername nobody would know whose certificate to expect.
 */
export function checkClientOptions(
  given: TlsClientOptions | true,
  host: string | undefined,
): TlsClientOptions {
  const options = given === true ? {} : given
  if (typeof options !== 'object' || options === null) {
    throw invalidType('tls', 'true or an object', options)
  }
  checkTimeouts(options)
  const name = options.servername ?? options.host ?? host
  if (typeof name === 'string') {
    // An address is checked against the certificate, but is no name to ask for.
    return isIP(name) === 0
      ? { servername: name, ...options, host: name }
      : { ...options, host: name }
  }
  if (name !== undefined) throw invalidType('tls.servername', 'a string', name)
  if (options.rejectUnauthorized !== false && options.checkServerIdentity === undefined) {
    throw invalidType('tls.servername', 'the name that the peer must prove to have', name)
  }
  return options
}

export function checkServerOptions(options: unknown): asserts options is TlsServerOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalidType(
      'tls',
      'an object with a certificate (a server has to prove who it is)',
      options,
    )
  }
  const given = options as TlsServerOptions
  if (IDENTITIES.every((name) => given[name] === undefined)) {
    throw invalidType('tls', `an object with one of ${IDENTITIES.join(', ')}`, options)
  }
  if (given.onHandshakeError !== undefined) {
    checkFunction('tls.onHandshakeError', given.onHandshakeError)
  }
  checkTimeouts(given)
}
