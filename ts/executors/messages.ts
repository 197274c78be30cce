// What goes between an executor and its workers: the contract that both kinds of workers implement.

import type { SentError } from './error_transport'
import type { JobSpec } from './job_function'

/** A job on its way to a worker. */
export interface JobMessage {
  readonly spec: JobSpec
  /** The arguments; for a chunk of a map, a list with one argument for each call. */
  readonly args: readonly unknown[]
  readonly isChunk: boolean
}

/** What becomes of a job that ran. */
export type Reply =
  | { readonly kind: 'result'; readonly value: unknown }
  /** A chunk: what its calls returned, up to the one that threw. */
  | { readonly kind: 'results'; readonly values: unknown[]; readonly error: SentError | null }
  | { readonly kind: 'threw'; readonly error: SentError }
  /** The initializer failed: this worker can run nothing. */
  | { readonly kind: 'broken'; readonly error: SentError }
  /** It was cancelled before its function was called. */
  | { readonly kind: 'cancelled' }

/** What each worker does before its first job. */
export interface Initializer {
  readonly spec: JobSpec
  readonly args: readonly unknown[]
}

/** Whether a value is sent without a copy being made first: primitives are, but for symbols. */
export function isSentAsIs(value: unknown): boolean {
  switch (typeof value) {
    case 'object':
      return value === null
    case 'function':
    case 'symbol':
      return false
    default:
      return true
  }
}
