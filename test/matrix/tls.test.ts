// A TLS transport, at either end: every operation in every state, inside each callback too. What it
// gives or throws, and what the transport then says of itself, is what CPython's sslproto does
// (asyncio/tls.json, recorded by tls_oracle.py), but for the names of errors and one difference.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  type Coroutine,
  type Future,
  gather,
  getRunningLoop,
  type Protocol,
  type Transport,
} from 'gyre'
import { failure } from '../net/failure.js'
import { testOnLoop } from '../net/on_loop.js'
import { connectPair, disconnectPair } from '../net/pair.js'
import type { Recorder } from '../net/recorder.js'
import { codeOf } from '../thrown.js'
import { ca, server as identity } from '../tls/certificates.js'
import { withTlsPair } from '../tls/tls_pair.js'
import { outcomeOf } from './matrix.js'
import { callbacks, operations, stateNames, states } from './tls_states.js'

const sides = ['client', 'server'] as const
type Side = (typeof sides)[number]

const path = new URL('../../../test/matrix/asyncio/tls.json', import.meta.url)
const record = JSON.parse(readFileSync(path, 'utf8')) as Record<
  Side,
  Record<string, Record<string, string>>
>

/** The errors of Python, by what stands for them here. */
const ERRORS: Record<string, string> = {
  TypeError: 'ERR_INVALID_ARG_TYPE',
  ValueError: 'ERR_OUT_OF_RANGE',
  NotImplementedError: 'ERR_NOT_SUPPORTED',
}

/** asyncio's TLS forgets its peer when it is lost; its plain sockets do not, and neither do ours. */
const KEPT = {
  operation: 'getExtraInfo of peername',
  theirs: 'false, closing',
  ours: 'true, closing',
}

function expected(side: Side, state: string, operation: string): string {
  const cell = record[side][state]?.[operation] ?? assert.fail('not recorded')
  if (operation === KEPT.operation && cell === KEPT.theirs) return KEPT.ours
  const [outcome = '', ...rest] = cell.split(', ')
  return [ERRORS[outcome] ?? outcome, ...rest].join(', ')
}

function cellOf(act: (transport: Transport) => unknown, transport: Transport): string {
  const outcome = outcomeOf(() => act(transport) ?? 'nothing').replaceAll("'", '')
  if (transport.isClosing()) {
    assert.equal(transport.isReading(), false)
    return `${outcome}, closing`
  }
  return `${outcome}, ${transport.isReading() ? 'reading' : 'paused'}`
}

/** Runs `operate` on one end of a connection that is in a state; every end hears of its loss once. */
function* inState(
  side: Side,
  state: string,
  operate: (subject: Recorder, peer: Recorder) => Coroutine<void> | void,
): Coroutine<void> {
  const name = state.replace('inside ', '') as keyof Protocol
  const reach = state.startsWith('inside ') ? callbacks[name]! : states[state]!
  let isDone = false
  let pending: Coroutine<void> | void
  const onCallback = function (this: void) {
    if (isDone) return
    isDone = true
    pending = operate(subject!, peer!)
  }
  let subject: Recorder | undefined
  let peer: Recorder | undefined
  const hooks: Protocol = state.startsWith('inside ') ? { [name]: onCallback } : {}
  const own = side === 'client' ? { client: hooks } : { accepted: hooks }
  const meet = (client: Recorder, accepted: Recorder) => {
    subject = side === 'client' ? client : accepted
    peer = side === 'client' ? accepted : client
  }
  yield* withTlsPair({ ...own, meet }, function* () {
    yield* reach(subject!, peer!)
    if (state.startsWith('inside ')) yield* subject!.until(() => subject!.count(name) > 0)
    else pending = operate(subject!, peer!)
    if (pending !== undefined) yield* pending
  })
  for (const end of [subject!, peer!]) {
    if (end.calls.length === 0) continue
    assert.equal(end.calls[0], 'connectionMade')
    assert.equal(end.calls.at(-1), 'connectionLost')
    assert.equal(end.count('connectionLost'), 1)
    assert.equal(end.count('connectionMade'), 1)
  }
}

test('every cell is recorded, and no other', () => {
  const names = Object.keys(operations)
  assert.deepEqual(Object.keys(record), sides)
  for (const side of sides) {
    assert.deepEqual(Object.keys(record[side]), stateNames)
    for (const cells of Object.values(record[side])) assert.deepEqual(Object.keys(cells), names)
  }
})

for (const side of sides) {
  for (const state of stateNames) {
    for (const [operation, act] of Object.entries(operations)) {
      testOnLoop(`${side}: ${operation} on ${state} as in asyncio`, function* () {
        yield* inState(side, state, (subject) => {
          const before = subject.nested.length
          const cell = subject.inside(() => cellOf(act, subject.transport))
          assert.equal(cell, expected(side, state, operation))
          // Writing too much is told at once, in asyncio too; nothing else is.
          const nested = subject.nested.slice(before).filter((call) => call !== 'pauseWriting')
          assert.deepEqual(nested, [])
        })
      })
    }
  }
}

/**
 * What takes its time, with what comes of it on an open transport, on one whose peer has ended where
 * that is something else, and on one that closes.
 */
interface SlowOperation {
  begin: (transport: Transport) => Future<unknown>
  open: string
  ended?: string
  closing: string
}

const slowOperations: Record<string, SlowOperation> = {
  // The peer takes the hello for data and says nothing to it.
  'startTls again': {
    begin: (to) => {
      const tls = { ca, servername: 'localhost', handshakeTimeout: 15 }
      return getRunningLoop().startTls(to, to.getProtocol(), tls)
    },
    open: 'ERR_TLS_HANDSHAKE_TIMEOUT',
    ended: 'ECONNRESET',
    closing: 'ERR_TRANSPORT_CLOSED',
  },
  'sendfile without copying': {
    begin: (to) => getRunningLoop().sendfile(to, path, 0, 10, { fallback: false }),
    open: 'ERR_NOT_SUPPORTED',
    closing: 'ERR_TRANSPORT_CLOSING',
  },
  'sendfile of what is not there': {
    begin: (to) => getRunningLoop().sendfile(to, new URL('nothing', path)),
    open: 'ENOENT',
    closing: 'ERR_TRANSPORT_CLOSING',
  },
}

for (const side of sides) {
  for (const state of Object.keys(states)) {
    for (const [name, { begin, open, ended = open, closing }] of Object.entries(slowOperations)) {
      testOnLoop(`${side}: ${name} on ${state} fails with what is the matter`, function* () {
        yield* inState(side, state, function* ({ transport }) {
          const whileOpen = state.includes('the end of its peer') ? ended : open
          const wanted = transport.isClosing() ? closing : whileOpen
          let outcome: unknown
          try {
            outcome = codeOf(yield* failure(begin(transport)))
          } catch (error) {
            outcome = codeOf(error)
          }
          assert.equal(outcome, wanted)
        })
      })
    }
  }
}

/** What somebody does to the transport below, whose handshake is going on. */
const interruptions: Record<string, (below: Transport) => void> = {
  close: (below) => below.close(),
  abort: (below) => below.abort(),
  'write into it': (below) => below.write('what is no TLS'.repeat(10)),
  'write its end': (below) => below.writeEof(),
}

for (const side of sides) {
  for (const [name, act] of Object.entries(interruptions)) {
    testOnLoop(`${side}: to ${name} in the handshake fails it, and leaves nothing`, function* () {
      const loop = getRunningLoop()
      const pair = yield* connectPair()
      const [subject, other] =
        side === 'client' ? [pair.client, pair.accepted] : [pair.accepted, pair.client]
      const starting = ({ transport }: Recorder, protocol: Protocol, isServer: boolean) =>
        isServer
          ? loop.startTls(transport, protocol, { ...identity, isServer: true })
          : loop.startTls(transport, protocol, { ca, servername: 'localhost' })
      const own = starting(subject, subject, side === 'server')
      const theirs = starting(other, other, side !== 'server')
      loop.callSoon(() => act(subject.transport))
      const outcomes = yield* gather([own, theirs], { returnExceptions: true })
      const errors = outcomes.filter((outcome) => outcome instanceof Error)
      // A client knows by TLS 1.3 only later that the server got something else than it sent.
      assert.ok(errors.length >= (side === 'client' ? 1 : 2))
      for (const error of errors) {
        assert.match(String(codeOf(error)), /^(ECONNRESET|EPIPE|ERR_SSL_\w+|ERR_WRITE_AFTER_EOF)$/)
      }
      for (const end of [subject, other]) {
        yield* end.untilLost()
        const told = end.phases.filter((phase) => phase !== 'eofReceived')
        assert.deepEqual(told, ['connectionMade', 'connectionLost'])
        // The transport is over: nothing can be done to it, and nothing throws.
        for (const operation of [
          'write a string',
          'close',
          'abort',
          'pauseReading',
          'setProtocol',
        ]) {
          const outcome = outcomeOf(() => operations[operation]!(end.transport))
          const isEnded = name === 'write its end' && end === subject
          const isRefused = isEnded && operation === 'write a string'
          assert.equal(outcome, isRefused ? 'ERR_WRITE_AFTER_EOF' : 'undefined', operation)
        }
        assert.equal(end.transport.isClosing(), true)
      }
      yield* disconnectPair(pair)
    })
  }
}
