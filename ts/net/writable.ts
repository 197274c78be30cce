// What users write, as bytes.

import { invalidType } from '../errors/arguments'
import type { Writable } from './protocol'

const KINDS = 'a string, a Uint8Array, an ArrayBuffer or a view of one'

/** What `writelines` is given, all of which can be written. Throws TypeError otherwise. */
export function checkWritables(list: Iterable<Writable>): readonly Writable[] {
  const iterable: Partial<Iterable<Writable>> | null | undefined = list
  if (typeof iterable?.[Symbol.iterator] !== 'function') {
    throw invalidType('list', `an iterable, each item of it ${KINDS}`, list)
  }
  const items = Array.isArray(list) ? (list as readonly Writable[]) : [...list]
  for (const item of items) if (!isWritable(item)) throw invalidType('list item', KINDS, item)
  return items
}

/** Whether it has bytes. */
export function isWritable(data: unknown): boolean {
  return typeof data === 'string' || ArrayBuffer.isView(data) || data instanceof ArrayBuffer
}

/** The bytes of `data`, not copied; strings as UTF-8. Throws TypeError for what has no bytes. */
export function toBytes(data: Writable): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (typeof data === 'string') return Buffer.from(data)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  throw invalidType('data', KINDS, data)
}
