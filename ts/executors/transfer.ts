// transfer(): what is handed over to a worker, or back, instead of being copied.

import type { Transferable } from 'node:worker_threads'
import { invalidType } from '../errors/arguments'

/** @internal A value, and what of it is handed over. */
export class Transfer {
  constructor(
    readonly value: unknown,
    readonly list: readonly Transferable[],
  ) {}
}

/**
 * Marks `value` so that it is moved and not copied, as an argument of a job or as what a job of a
 * module returns. `list` names the ArrayBuffers, MessagePorts … inside it; by default it is the value
 * itself, or the buffer under a typed array. Where it was, it is detached. Threads only: processes share
 * no memory, and copy. Throws TypeError where there is nothing to transfer.
 */
export function transfer<T>(value: T, list?: readonly Transferable[]): T {
  if (list !== undefined && !Array.isArray(list)) throw invalidType('list', 'an array', list)
  return new Transfer(value, list ?? [transferableOf(value)]) as T
}

function transferableOf(value: unknown): Transferable {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) return value.buffer
  } else if (typeof value === 'object' && value !== null && !(value instanceof SharedArrayBuffer)) {
    return value as Transferable
  }
  throw invalidType('value', 'a transferable object, such as an ArrayBuffer', value)
}

/** Takes the marks off arguments or results: what is sent, and what is handed over. */
export function unwrapTransfers(values: readonly unknown[]): {
  values: unknown[]
  list: Transferable[]
} {
  const list: Transferable[] = []
  const unwrapped = values.map((value) => {
    if (!(value instanceof Transfer)) return value
    list.push(...value.list)
    return value.value
  })
  return { values: unwrapped, list }
}
