// Flow control of datagrams that have no bytes: each counts for itself.

import assert from 'node:assert/strict'
import { withEndpoints } from './datagram_recorder.js'
import { testOnLoop } from './on_loop.js'

testOnLoop('a hundred thousand empty datagrams in one turn do no harm', function* () {
  yield* withEndpoints(function* ({ server, client }) {
    for (let i = 0; i < 100_000; i++) client.transport.sendto('')
    client.transport.sendto('last')
    // UDP drops what the buffer of the receiver cannot take, so that one more is sent.
    while (!server.texts.includes('end')) {
      client.transport.sendto('end')
      const before = server.datagrams.length
      yield* server.until(() => server.datagrams.length > before)
    }
    assert.equal(client.count('pauseWriting'), client.count('resumeWriting'))
  })
})
