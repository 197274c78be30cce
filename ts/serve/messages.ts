// What a group of servers and its workers tell each other.

import type { SentError } from '../executors/error_transport'

/** What a worker is given at its start. */
export interface WorkerStart {
  /** 1 to the number of workers; a worker that takes the place of another has its number. */
  readonly id: number
  readonly module: string
  readonly name: string
  readonly host: string | undefined
  readonly port: number
  readonly backlog: number | undefined
  readonly graceMs: number
  /** Whether the listeners of all workers share the port. */
  readonly reusePort: boolean
}

export type ToWorker =
  | { readonly kind: 'start'; readonly start: WorkerStart }
  /** Stop accepting, finish what is under way, end. */
  | { readonly kind: 'drain' }

export type FromWorker =
  | { readonly kind: 'listening'; readonly port: number }
  /** It ended by itself, or because it was told to. */
  | { readonly kind: 'returned' }
  | { readonly kind: 'failed'; readonly error: SentError }
