// What the native backend remembers of addresses. Native code has no part here but to parse.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NativeLoop } from '#gyre/backend/native_addon'
import { NativeAddresses, RECORD_WORDS } from '#gyre/backend/native_addresses'

/** Parses what the test gives it: `six:N` is an address of IPv6 whose last word is N. */
function fakeNative() {
  const parsed: string[] = []
  const native = {
    encodeAddress(address: string, into: Uint8Array): number {
      parsed.push(address)
      const [kind, last] = address.split(':')
      if (kind !== 'six') return -22
      new Int32Array(into.buffer).set([6, 0, 0, 0, 0, Number.parseInt(last!, 10)])
      return 0
    },
    decodeAddress(from: Uint8Array) {
      const words = new Int32Array(from.buffer)
      return { address: `six:${words[5]}`, family: 'IPv6', port: words[0]! >>> 16 }
    },
  }
  return { native: native as unknown as NativeLoop, parsed }
}

function record(family: 4 | 6, port: number, last: number): Int32Array {
  const words = new Int32Array(RECORD_WORDS)
  words[0] = family | (port << 16)
  words[family === 4 ? 2 : 5] = last
  return words
}

test('a sender that comes again has the same name, and its name bears its record', () => {
  const addresses = new NativeAddresses(fakeNative().native)
  for (const [family, text] of [
    [4, '7.0.0.0'],
    [6, 'six:7'],
  ] as const) {
    const name = addresses.read(record(family, 65_535, 7), 0)
    assert.deepEqual([...name], [text, 65_535])
    assert.equal(name.family, `IPv${family}`)
    assert.ok(Object.isFrozen(name))
    assert.equal(addresses.read(record(family, 65_535, 7), 0), name)
    const recalled = addresses.recall(name)
    assert.deepEqual(recalled?.record, record(family, 65_535, 7))
    assert.equal(recalled?.isOf(family), true)
    assert.equal(recalled?.isOf(family === 4 ? 6 : 4), false)
  }
  for (const other of [['7.0.0.0', 9], { address: '7.0.0.0', port: 9 }, 5, 'x']) {
    assert.equal(addresses.recall(other), undefined)
  }
})

test('a name shows its parts only, and copies of it bear no record', () => {
  const addresses = new NativeAddresses(fakeNative().native)
  const name = addresses.read(record(4, 9, 1), 0)
  assert.deepEqual(Object.keys(name), ['0', '1', 'address', 'port', 'family'])
  assert.equal(addresses.recall([...name]), undefined)
  assert.equal(addresses.recall({ ...name }), undefined)
})

test('ten thousand senders are told apart, however they share places', () => {
  const addresses = new NativeAddresses(fakeNative().native)
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 10_000; i++) {
      const [port, last] = [i % 400, i >> 4]
      const name = addresses.read(record(i % 2 === 0 ? 4 : 6, port, last), 0)
      const text = i % 2 === 0 ? `${last & 255}.${last >> 8}.0.0` : `six:${last}`
      assert.deepEqual([...name], [text, port])
    }
  }
})

test('an address is parsed once, except where it names an interface', () => {
  const { native, parsed } = fakeNative()
  const addresses = new NativeAddresses(native)
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(addresses.prepare('six:5', 7, 6)?.record, record(6, 7, 5))
    assert.equal(addresses.prepare('six:5', 7, 4), null)
    assert.equal(addresses.prepare('no address', 7, 4), null)
    assert.equal(addresses.prepare('six:5%eth0', 7, 6)?.port, 7)
  }
  const scoped = ['six:5%eth0', 'six:5%eth0', 'six:5%eth0']
  assert.deepEqual(parsed.sort(), ['no address', 'six:5', ...scoped])
})
