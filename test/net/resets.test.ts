// Connections that the peer drops while there is more to write, on both backends.

import assert from 'node:assert/strict'
import { testOnLoop } from './on_loop.js'
import { withPair } from './pair.js'

const REQUEST_BYTES = 8 * 1024 * 1024

// A server that refuses a request answers and closes without having read it to its end, which resets the
// connection. asyncio's client hears the answer first, and then ConnectionResetError.
for (const answerBytes of [20, 40_000]) {
  testOnLoop(
    `${answerBytes} bytes that a peer sent before it dropped the connection are heard`,
    function* () {
      yield* withPair(function* ({ client, accepted }) {
        accepted.transport.pauseReading()
        client.transport.write(Buffer.alloc(REQUEST_BYTES))
        yield* client.until(() => client.count('pauseWriting') > 0)
        accepted.transport.write(Buffer.alloc(answerBytes, 'a'))
        accepted.transport.close()
        const error = (yield* client.untilLost()) as NodeJS.ErrnoException | null
        assert.equal(client.received.length, answerBytes)
        assert.ok(error !== null, 'what was not sent is lost without an error')
        assert.match(error.code ?? '', /^(ECONNRESET|EPIPE)$/)
      })
    },
  )
}

testOnLoop(
  'an error while close() sends what waits is what the connection is lost with',
  function* () {
    yield* withPair(function* ({ client, accepted }) {
      accepted.transport.pauseReading()
      client.transport.write(Buffer.alloc(REQUEST_BYTES))
      client.transport.close()
      accepted.transport.abort()
      const error = (yield* client.untilLost()) as NodeJS.ErrnoException | null
      assert.match(error?.code ?? 'none', /^(ECONNRESET|EPIPE)$/)
    })
  },
)
