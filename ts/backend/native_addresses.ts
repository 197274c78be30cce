// Addresses of datagrams, between their records in shared memory (native/core/address_record.h) and
// the objects that protocols see. Few peers send many datagrams, so both directions remember what
// they made: a datagram costs a look into a map, and no object.

import { isIPv4 } from 'node:net'
import type { SendAddress } from './datagram_contract'
import type { NativeLoop } from './native_addon'
import { nameOf, type SocketAddress, type SocketName } from './socket_name'

/** Words of a record: family and port, scope, four words of address. */
export const RECORD_WORDS = 6
export const RECORD_BYTES = RECORD_WORDS * 4

/** Forged senders must not fill the memory: a map that grows to this is begun anew. */
const REMEMBERED_MAX = 4096

/** An address with its record, ready to be copied in front of a datagram. */
export class RecordedAddress implements SendAddress {
  constructor(
    readonly address: string,
    readonly port: number,
    readonly record: Int32Array,
  ) {}
}

export class NativeAddresses {
  private readonly v4 = new Map<number, SocketName>()
  private readonly others = new Map<string, SocketName>()
  private readonly records = new Map<string, Int32Array | null>()

  constructor(private readonly native: NativeLoop) {}

  /** The sender whose record stands at word `at`. */
  read(words: Int32Array, at: number): SocketName {
    const first = words[at]!
    if ((first & 0xffff) !== 4) return this.readOther(words.subarray(at, at + RECORD_WORDS))
    const bits = words[at + 2]!
    const key = (bits >>> 0) * 65536 + (first >>> 16)
    let name = this.v4.get(key)
    if (name === undefined) {
      const address = `${bits & 255}.${(bits >>> 8) & 255}.${(bits >>> 16) & 255}.${bits >>> 24}`
      name = frozen({ address, family: 'IPv4', port: first >>> 16 })
      remember(this.v4, key, name)
    }
    return name
  }

  /** `address` with its record; null if it is no numeric address of that family. */
  prepare(address: string, port: number, family: 4 | 6): RecordedAddress | null {
    let record = this.records.get(address)
    if (record === undefined) {
      record = new Int32Array(RECORD_WORDS)
      const result = this.native.encodeAddress(address, new Uint8Array(record.buffer))
      if (result < 0) record = null
      remember(this.records, address, record)
    }
    if (record === null || (record[0]! & 0xffff) !== family) return null
    const own = record.slice()
    own[0] = family | (port << 16)
    return new RecordedAddress(address, port, own)
  }

  private readOther(record: Int32Array): SocketName {
    const key = record.join()
    let name = this.others.get(key)
    if (name === undefined) {
      const bytes = new Uint8Array(record.buffer, record.byteOffset, RECORD_BYTES)
      const decoded = this.native.decodeAddress(bytes)
      // A socket of neither family is never made.
      name = frozen(typeof decoded === 'number' ? NOBODY : decoded)
      remember(this.others, key, name)
    }
    return name
  }
}

const NOBODY: SocketAddress = { address: '::', family: 'IPv6', port: 0 }

function frozen(address: SocketAddress): SocketName {
  return Object.freeze(nameOf(address))
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.size >= REMEMBERED_MAX) map.clear()
  map.set(key, value)
}

/** The family of a numeric address. */
export function familyOf(address: string): 4 | 6 {
  return isIPv4(address) ? 4 : 6
}
