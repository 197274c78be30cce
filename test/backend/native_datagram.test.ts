// What a UDP socket of the native backend thinks that it has still to send.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DatagramEvents } from '#gyre/backend/datagram_contract'
import { NativeKind } from '#gyre/backend/native_addon'
import { type DatagramOwner, NativeDatagram } from '#gyre/backend/native_datagram'

/**
 * A socket whose native half has `pending` bytes whenever it is asked, and does nothing else. It has taken
 * what was submitted, or not.
 */
function make(pending: number, hasTaken = true): NativeDatagram {
  const owner = {
    native: { datagramPendingBytes: () => pending },
    submissions: { sendDatagram() {}, tail: 0, hasTaken: () => hasTaken },
  } as unknown as DatagramOwner
  return new NativeDatagram(owner, 3, 1, 4, { datagramDrained() {} } as unknown as DatagramEvents)
}

test('the estimate of what waits counts each datagram, empty ones too', () => {
  const socket = make(0)
  assert.equal(socket.bufferedEstimate(), 0)
  for (let i = 0; i < 50; i++) socket.send(new Uint8Array(0), null)
  assert.equal(socket.bufferedEstimate(), 50 * 8)
  socket.send(new Uint8Array(100), null)
  assert.equal(socket.bufferedEstimate(), 50 * 8 + 108)
})

test('asking native code, or hearing from it, corrects the estimate', () => {
  const socket = make(70)
  socket.send(new Uint8Array(1000), null)
  assert.equal(socket.bufferedBytes(), 70)
  assert.equal(socket.bufferedEstimate(), 70)
  for (const kind of [NativeKind.DATAGRAM_PENDING, NativeKind.DATAGRAM_DRAINED]) {
    socket.send(new Uint8Array(1000), null)
    socket.happened(kind, 30, 0)
    assert.equal(socket.bufferedEstimate(), 30)
  }
})

test('what native code has not taken when it says what is unsent is counted on', () => {
  for (const kind of [NativeKind.DATAGRAM_PENDING, NativeKind.DATAGRAM_DRAINED]) {
    const socket = make(70, false)
    socket.send(new Uint8Array(1000), null)
    socket.happened(kind, 30, 0)
    assert.equal(socket.bufferedEstimate(), 1038)
  }
})

test('a socket that is closed has nothing to send', () => {
  const events = { datagramClosed() {} } as unknown as DatagramEvents
  const closed = new NativeDatagram({} as DatagramOwner, 3, 1, 4, events)
  closed.happened(NativeKind.DATAGRAM_CLOSED, 0, 0)
  closed.send(new Uint8Array(5), null)
  assert.equal(closed.bufferedBytes(), 0)
})
