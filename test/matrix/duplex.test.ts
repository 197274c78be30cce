// Every operation of a connection's stream in every state it can be in, with TLS and without: nothing
// throws, nothing hangs, 'close' comes once and last, at most one error comes before it, and no socket is
// left.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { sleep } from 'gyre'
import { type TransportDuplex, toDuplex } from 'gyre/node'
import { type DuplexPair, dialDuplex, testAsync, withDuplex } from '../node/duplex_pair.js'

const HUGE_BYTES = 12 * 1024 * 1024

/** How a stream gets into each state; gives the stream that is in it. */
const states: Record<string, (pair: DuplexPair, isSecure: boolean) => Promise<TransportDuplex>> = {
  'an open stream': async ({ duplex }) => duplex,
  'a stream that connects': async ({ server }, isSecure) => toDuplex(dialDuplex(server, isSecure)),
  'a stream with unsent bytes': async ({ duplex, peer }) => {
    peer.writer.transport.pauseReading()
    duplex.write(Buffer.alloc(HUGE_BYTES))
    await sleep(1)
    return duplex
  },
  'a stream that ended behind unsent bytes': async ({ duplex, peer }) => {
    peer.writer.transport.pauseReading()
    duplex.end(Buffer.alloc(HUGE_BYTES))
    await sleep(1)
    return duplex
  },
  'a stream that has ended': async ({ duplex }) => {
    duplex.end('last')
    await once(duplex, 'finish')
    return duplex
  },
  'a stream whose peer has ended': async ({ duplex, peer }, isSecure) => {
    duplex.allowHalfOpen = true
    if (isSecure) peer.writer.close()
    else peer.writer.writeEof()
    await once(duplex.resume(), 'end')
    return duplex
  },
  'a stream that was destroyed just now': async ({ duplex }) => duplex.destroy(),
  'a stream that is closed': async ({ duplex }) => {
    duplex.destroy()
    await once(duplex, 'close')
    return duplex
  },
  'a stream that its peer reset': async ({ duplex, peer }) => {
    peer.writer.transport.pauseReading()
    duplex.on('error', () => {})
    duplex.write(Buffer.alloc(HUGE_BYTES))
    await sleep(1)
    peer.writer.transport.abort()
    await new Promise((resolve) => duplex.once('close', resolve))
    return duplex
  },
}

const operations: Record<string, (duplex: TransportDuplex) => unknown> = {
  write: (duplex) => duplex.write('more'),
  'write nothing': (duplex) => duplex.write(''),
  end: (duplex) => duplex.end(),
  'end with bytes': (duplex) => duplex.end('last'),
  destroySoon: (duplex) => duplex.destroySoon(),
  destroy: (duplex) => duplex.destroy(),
  'destroy with an error': (duplex) => duplex.destroy(new Error('enough')),
  pause: (duplex) => duplex.pause(),
  resume: (duplex) => duplex.resume(),
  read: (duplex) => duplex.read(),
  connect: (duplex) => duplex.connect(1, 'nowhere'),
  setTimeout: (duplex) => duplex.setTimeout(60_000).setTimeout(0),
  setNoDelay: (duplex) => duplex.setNoDelay(),
  setKeepAlive: (duplex) => duplex.setKeepAlive(true, 1_000),
  'ref and unref': (duplex) => duplex.unref().ref(),
  'the addresses': (duplex) => [duplex.address(), duplex.remoteAddress, duplex.localPort],
  'the counts': (duplex) => assert.ok(duplex.bytesRead >= 0 && duplex.bytesWritten >= 0),
  'the state': (duplex) => {
    const { readyState } = duplex
    assert.ok(['opening', 'open', 'readOnly', 'writeOnly', 'closed'].includes(readyState))
    assert.equal(duplex.connecting, readyState === 'opening')
  },
}

function* cells() {
  for (const isSecure of [false, true]) {
    for (const [stateName, enter] of Object.entries(states)) {
      for (const [operationName, act] of Object.entries(operations)) {
        const name = `${operationName} on ${stateName}${isSecure ? ', over TLS' : ''}`
        yield { name, isSecure, enter, act }
      }
    }
  }
}

for (const { name, isSecure, enter, act } of cells()) {
  testAsync(name, () =>
    withDuplex(
      async (pair) => {
        const duplex = await enter(pair, isSecure)
        const isClosed = duplex.closed
        const events: string[] = []
        for (const name of ['error', 'close', 'end', 'data', 'timeout']) {
          duplex.on(name, () => events.push(name))
        }
        const closing = new Promise((resolve) => duplex.once('close', resolve))
        act(duplex)
        await sleep(1)
        duplex.destroy()
        if (!isClosed) {
          await closing
          assert.equal(events.at(-1), 'close')
          assert.equal(events.filter((name) => name === 'close').length, 1)
        }
        assert.ok(events.filter((name) => name === 'error').length <= 1)
        assert.equal(duplex.destroyed, true)
      },
      { isSecure },
    ),
  )
}
