// What goes through the pipe between a ProcessPoolExecutor and its processes. Values travel as bytes that
// each side makes and reads itself, so that what cannot be sent is found out where it stands.

import type { SentError } from './error_transport'
import type { JobSpec } from './job_function'

export type ToProcess =
  | { readonly kind: 'start'; readonly initializer: { spec: JobSpec; args: Uint8Array } | null }
  | {
      readonly kind: 'job'
      readonly id: number
      readonly spec: JobSpec
      readonly args: Uint8Array
      readonly isChunk: boolean
    }
  | { readonly kind: 'cancel'; readonly id: number }

/** A reply whose value is bytes; see Reply. */
export type FromProcess = { readonly id: number } & (
  | { readonly kind: 'result'; readonly value: Uint8Array }
  | { readonly kind: 'results'; readonly values: Uint8Array; readonly error: SentError | null }
  | { readonly kind: 'threw'; readonly error: SentError }
  | { readonly kind: 'broken'; readonly error: SentError }
  | { readonly kind: 'cancelled' }
)
