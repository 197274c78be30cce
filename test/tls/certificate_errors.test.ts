// Certificates that do not hold: the error is Node's, at the end that refuses, and nothing is served.

import assert from 'node:assert/strict'
import {
  type Coroutine,
  gather,
  getRunningLoop,
  openConnection,
  startServer,
  type TlsClientOptions,
  type TlsServerOptions,
} from 'gyre'
import { testOnLoop } from '../net/on_loop.js'
import { codeOf } from '../thrown.js'
import { ca, client, expired, other, server, stranger } from './certificates.js'
import { connectTo, echo, hangUp, serving } from './serving.js'

function* outcomeOf(connecting: Coroutine<unknown>): Coroutine<unknown> {
  const [outcome] = yield* gather([connecting], { returnExceptions: true })
  return outcome
}

/** What a client says to a server with such a certificate. */
const refusals: Record<string, { tls: Partial<TlsServerOptions>; code: string }> = {
  'that has expired': { tls: expired, code: 'CERT_HAS_EXPIRED' },
  'for another name': { tls: other, code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  'that signed itself': { tls: stranger, code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
}

for (const [kind, { tls, code }] of Object.entries(refusals)) {
  testOnLoop(`a client refuses a certificate ${kind}, unless it looks away`, function* () {
    yield* serving(echo, tls, function* (port) {
      assert.equal(codeOf(yield* outcomeOf(connectTo(port))), code)
      const pair = yield* connectTo(port, { rejectUnauthorized: false })
      pair.writer.write('anyway')
      assert.equal((yield* pair.reader.readexactly(6)).toString(), 'anyway')
      yield* hangUp(pair)
    })
  })
}

testOnLoop('an authority that is not known is refused, with tls: true as well', function* () {
  yield* serving(echo, {}, function* (port) {
    const connecting = openConnection({ host: 'localhost', port, tls: true })
    const [error] = yield* gather([connecting], { returnExceptions: true })
    assert.equal(codeOf(error), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })
})

for (const [who, tls, code] of [
  ['without a certificate', {}, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
  ['with a stranger’s certificate', stranger, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
] as const) {
  testOnLoop(`a server refuses a client ${who}, says why, and serves others`, function* () {
    const loop = getRunningLoop()
    const refused = loop.createFuture<{ error: Error; port: number | undefined }>()
    const options: Partial<TlsServerOptions> = {
      requestCert: true,
      ca,
      onHandshakeError: (error, transport) => {
        const port = transport.getExtraInfo('peername')?.port
        if (!refused.done()) refused.setResult({ error, port })
      },
    }
    yield* serving(echo, options, function* (port) {
      // Under TLS 1.3 the client believes itself connected until it reads.
      const reading = readFrom(port, tls)
      const outcome = yield* outcomeOf(reading)
      assert.ok(outcome instanceof Error || outcome === 0, String(outcome))
      const { error, port: clientPort } = yield* refused
      assert.equal(codeOf(error), code)
      assert.notEqual(clientPort, undefined)
      const pair = yield* connectTo(port, client)
      pair.writer.write('served')
      assert.equal((yield* pair.reader.readexactly(6)).toString(), 'served')
      yield* hangUp(pair)
    })
  })
}

function* readFrom(port: number, tls: TlsClientOptions): Coroutine<number> {
  const { reader, writer } = yield* connectTo(port, tls)
  try {
    return (yield* reader.read()).length
  } finally {
    writer.close()
  }
}

testOnLoop('options that cannot work are refused at once', function* () {
  const badServers: [unknown, string][] = [
    [true, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ ...server, handshakeTimeout: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ ...server, handshakeTimeout: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ ...server, shutdownTimeout: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ ...server, shutdownTimeout: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ ...server, onHandshakeError: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ cert: 'no certificate', key: server.key }, 'ERR_OSSL_PEM_NO_START_LINE'],
    [{ cert: server.cert, key: other.key }, 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'],
  ]
  for (const [tls, code] of badServers) {
    const options = { host: '127.0.0.1', tls: tls as TlsServerOptions }
    assert.throws(() => startServer(echo, options), { code }, String(tls))
  }
  const badClients: [unknown, string][] = [
    [false, 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{ servername: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ handshakeTimeout: Number.NaN }, 'ERR_OUT_OF_RANGE'],
  ]
  for (const [tls, code] of badClients) {
    const options = { host: 'localhost', port: 1, tls: tls as TlsClientOptions }
    assert.throws(() => openConnection(options), { code }, String(tls))
  }
})
