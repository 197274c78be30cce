// The states of a TLS transport and what can be done to it; tls_oracle.py has the same in Python.

import assert from 'node:assert/strict'
import { type Coroutine, type Protocol, sleep, type Transport } from 'gyre'
import type { Recorder } from '../net/recorder.js'
import { codeOf } from '../thrown.js'

const HUGE_BYTES = 12 * 1024 * 1024

type Enter = (subject: Recorder, peer: Recorder) => Coroutine<void>

const nothing: Enter = function* () {}

const fill: Enter = function* (subject, peer) {
  peer.transport.pauseReading()
  subject.transport.write(Buffer.alloc(HUGE_BYTES))
  yield* subject.until(() => subject.count('pauseWriting') === 1)
}

/** How an end of an open connection gets into each state. */
export const states: Record<string, Enter> = {
  'an open transport': nothing,
  *'a transport that does not read'({ transport }) {
    transport.pauseReading()
  },
  'a transport with unsent bytes': fill,
  *'a transport that has not read the end of its peer'(subject, peer) {
    subject.transport.pauseReading()
    peer.transport.close()
    yield* sleep(5)
    assert.equal(subject.count('eofReceived'), 0)
  },
  *'a transport that was closed just now'({ transport }) {
    transport.close()
  },
  *'a transport that closes behind unsent bytes'(subject, peer) {
    yield* fill(subject, peer)
    subject.transport.close()
  },
  *'a transport that was aborted just now'({ transport }) {
    transport.abort()
  },
  *'a transport that was closed and aborted'({ transport }) {
    transport.close()
    transport.abort()
  },
  *'a transport that is lost'(subject) {
    subject.transport.close()
    assert.equal(yield* subject.untilLost(), null)
  },
  *'a transport that its peer reset'(subject, peer) {
    yield* fill(subject, peer)
    peer.transport.abort()
    assert.match(String(codeOf(yield* subject.untilLost())), /^(ECONNRESET|EPIPE)$/)
  },
}

/** What leads to each callback of a protocol, inside of which the operation is done. */
export const callbacks: Partial<Record<keyof Protocol, Enter>> = {
  connectionMade: nothing,
  *dataReceived(_subject, peer) {
    peer.transport.write('data')
  },
  *eofReceived(_subject, peer) {
    peer.transport.close()
  },
  *connectionLost({ transport }) {
    transport.close()
  },
}

export const stateNames = [
  ...Object.keys(states),
  ...Object.keys(callbacks).map((name) => `inside ${name}`),
]

const isKnown = (name: string) => (to: Transport) => (to.getExtraInfo(name) ?? null) !== null

/** What asyncio's transports can do, too. */
export const operations: Record<string, (transport: Transport) => unknown> = {
  'write a string': (to) => to.write('text'),
  'write nothing': (to) => to.write(''),
  'write a large buffer': (to) => to.write(Buffer.alloc(300_000)),
  writelines: (to) => to.writelines(['a', new Uint8Array(2)]),
  'write what is no data': (to) => to.write(5 as never),
  writeEof: (to) => to.writeEof(),
  canWriteEof: (to) => to.canWriteEof(),
  close: (to) => to.close(),
  abort: (to) => to.abort(),
  'close and abort': (to) => {
    to.close()
    to.abort()
  },
  pauseReading: (to) => to.pauseReading(),
  resumeReading: (to) => to.resumeReading(),
  setWriteBufferLimits: (to) => to.setWriteBufferLimits({ high: 10, low: 5 }),
  'setWriteBufferLimits to what cannot be': (to) => to.setWriteBufferLimits({ high: 1, low: 2 }),
  getWriteBufferSize: (to) => Number.isInteger(to.getWriteBufferSize()),
  'getExtraInfo of peername': isKnown('peername'),
  'getExtraInfo of cipher': isKnown('cipher'),
  'getExtraInfo of anything else': (to) => to.getExtraInfo('colour', 'none'),
  setProtocol: (to) => to.setProtocol(to.getProtocol()),
}
