// What users write, as bytes.

import { invalidType } from '../errors/arguments'
import type { Writable } from './protocol'

/** The bytes of `data`, not copied; strings as UTF-8. Throws TypeError for what has no bytes. */
export function toBytes(data: Writable): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (typeof data === 'string') return Buffer.from(data)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw invalidType('data', 'a string, a Uint8Array, an ArrayBuffer or a view of one', data)
}
