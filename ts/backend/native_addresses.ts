// Addresses of datagrams, between their records in shared memory (native/core/address_record.h) and
// the objects that protocols see. Few peers send many datagrams, so a sender that came before has
// its object already, and that object bears its record: an answer to it needs no parsing.
//
// Invariant: what is remembered is bounded, as forged senders must not fill the memory.

import { isIPv4 } from 'node:net'
import type { SendAddress } from './datagram_contract'
import type { NativeLoop } from './native_addon'
import { nameOf, type SocketAddress, type SocketName } from './socket_name'

/** Words of a record: family and port, scope, four words of address. */
export const RECORD_WORDS = 6
const RECORD_BYTES = RECORD_WORDS * 4

/** A power of two. Each sender has one place; one who comes to the same place takes it over. */
const SENDERS_MAX = 4096
/** A map that grows to this is begun anew. */
const TEXTS_MAX = 4096

/** An address with its record, ready to be copied in front of a datagram. */
export class RecordedAddress implements SendAddress {
  constructor(
    readonly address: string,
    readonly port: number,
    readonly record: Int32Array,
  ) {}

  isOf(family: 4 | 6): boolean {
    return (this.record[0]! & 0xffff) === family
  }
}

/** Where the name of a sender bears its recorded address. */
const RECORDED = Symbol('recorded address')

interface Sender {
  readonly name: SocketName
  readonly record: Int32Array
}

export class NativeAddresses {
  /** Empty until somebody has sent something: most loops have no UDP. */
  private senders: (Sender | undefined)[] = []
  private readonly records = new Map<string, Int32Array | null>()

  constructor(private readonly native: NativeLoop) {}

  /** The sender whose record stands at word `at`. */
  read(words: Int32Array, at: number): SocketName {
    if (this.senders.length === 0) this.senders = new Array<undefined>(SENDERS_MAX).fill(undefined)
    const place = placeOf(words, at)
    const known = this.senders[place]
    if (known !== undefined && isSame(known.record, words, at)) return known.name
    const record = words.slice(at, at + RECORD_WORDS)
    const name = this.nameOf(record)
    this.senders[place] = { name, record }
    return name
  }

  /** The address that the name of a sender bears; undefined for any other value. */
  recall(name: unknown): RecordedAddress | undefined {
    return (name as { [RECORDED]?: RecordedAddress })[RECORDED]
  }

  /** `address` with its record; null if it is no numeric address of that family. */
  prepare(address: string, port: number, family: 4 | 6): RecordedAddress | null {
    const record = this.encode(address)
    if (record === null) return null
    const own = record.slice()
    own[0] = (record[0]! & 0xffff) | (port << 16)
    const recorded = new RecordedAddress(address, port, own)
    return recorded.isOf(family) ? recorded : null
  }

  /** The record of a numeric address, without its port; null for any other text. */
  private encode(address: string): Int32Array | null {
    const known = this.records.get(address)
    if (known !== undefined) return known
    const record = new Int32Array(RECORD_WORDS)
    const result = this.native.encodeAddress(address, new Uint8Array(record.buffer))
    const outcome = result < 0 ? null : record
    // Which interface a scope names may change.
    if (address.includes('%')) return outcome
    if (this.records.size >= TEXTS_MAX) this.records.clear()
    this.records.set(address, outcome)
    return outcome
  }

  private nameOf(record: Int32Array): SocketName {
    const isV4 = (record[0]! & 0xffff) === 4
    const socketAddress = isV4 ? decodeV4(record) : this.decode(record)
    const { address, port } = socketAddress
    const name = nameOf(socketAddress)
    Object.defineProperty(name, RECORDED, { value: new RecordedAddress(address, port, record) })
    return Object.freeze(name)
  }

  private decode(record: Int32Array): SocketAddress {
    const decoded = this.native.decodeAddress(new Uint8Array(record.buffer, 0, RECORD_BYTES))
    // A socket of neither family is never made.
    return typeof decoded === 'number' ? NOBODY : decoded
  }
}

const NOBODY: SocketAddress = { address: '::', family: 'IPv6', port: 0 }

function decodeV4(record: Int32Array): SocketAddress {
  const bits = record[2]!
  const address = `${bits & 255}.${(bits >>> 8) & 255}.${(bits >>> 16) & 255}.${bits >>> 24}`
  return { address, family: 'IPv4', port: record[0]! >>> 16 }
}

/** Ports that follow each other, as those of one host do, have places side by side. */
function placeOf(words: Int32Array, at: number): number {
  const bits = words[at + 2]! ^ words[at + 3]! ^ words[at + 4]! ^ words[at + 5]!
  return ((Math.imul(bits, 0x9e3779b1) >>> 16) + (words[at]! >>> 16)) & (SENDERS_MAX - 1)
}

function isSame(record: Int32Array, words: Int32Array, at: number): boolean {
  for (let i = 0; i < RECORD_WORDS; i++) {
    if (record[i] !== words[at + i]) return false
  }
  return true
}

/** The family of a numeric address. */
export function familyOf(address: string): 4 | 6 {
  return isIPv4(address) ? 4 : 6
}
