// What stands in Redis: the data of a job and its outcome, and on which channel cancellations go.

import type { SentError } from '../executors/error_transport'

export interface BullData {
  readonly args: readonly unknown[]
  readonly isChunk: boolean
  /** Milliseconds a try may take; null if it may take any time. */
  readonly timeoutMs: number | null
  /** Written by the worker when a try fails; BullMQ itself keeps the message alone. */
  readonly failure?: BullFailure
}

export interface BullFailure {
  /** A chunk: what its calls before the failing one returned. */
  readonly values: unknown[]
  readonly error: SentError
}

/** What a job that succeeds leaves. */
export type BullResult = { readonly value?: unknown } | { readonly values: unknown[] }

/** The worker that runs job `id` of `queue` hears of its cancellation here; the message is the id. */
export function cancelChannel(prefix: string, queue: string): string {
  return `${prefix}:${queue}:gyre-cancel`
}

export const PREFIX = 'bull'
