// What goes through the pipe between a ProcessPoolExecutor and its processes. Values travel as bytes that
// each side makes and reads itself, so that what cannot be sent is found out where it stands.

import { deserialize, serialize } from 'node:v8'
import type { SentError } from './error_transport'
import type { JobSpec } from './job_function'
import { isSentAsIs } from './messages'

/** Bytes, or the values themselves if all are primitives: to make and read bytes costs as much as sending. */
export type PackedValues = Uint8Array | readonly unknown[]

/** Throws for what cannot be sent. */
export function packValues(values: readonly unknown[]): PackedValues {
  return values.every(isSentAsIs) ? values : serialize(values)
}

export function unpackValues(packed: PackedValues): unknown[] {
  return packed instanceof Uint8Array ? deserialize(packed) : (packed as unknown[])
}

export type ToProcess =
  | { readonly kind: 'start'; readonly initializer: { spec: JobSpec; args: PackedValues } | null }
  | {
      readonly kind: 'job'
      readonly id: number
      readonly spec: JobSpec
      readonly args: PackedValues
      readonly isChunk: boolean
    }
  | { readonly kind: 'cancel'; readonly id: number }

/** A reply whose values are packed, a single one as a list; see Reply. */
export type FromProcess = { readonly id: number } & (
  | { readonly kind: 'result'; readonly value: PackedValues }
  | { readonly kind: 'results'; readonly values: PackedValues; readonly error: SentError | null }
  | { readonly kind: 'threw'; readonly error: SentError }
  | { readonly kind: 'broken'; readonly error: SentError }
  | { readonly kind: 'cancelled' }
)
