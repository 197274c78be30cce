// What goes between a ThreadPoolExecutor and its threads, through piscina. It is cloned, so it is as flat as
// can be: a list costs a third of what nested objects with named properties do.

import type { Ending, SentJob } from './host'
import type { Initializer, JobMessage, Reply } from './messages'

/** What every thread is given at its start. */
export interface ThreadStart {
  /** The cancel flags; each job has a word among them. */
  readonly flags: Int32Array
  readonly initializer: Initializer | null
}

/** A job; see threadMessage. */
export type ThreadMessage = readonly [
  slot: number,
  isChunk: boolean,
  /** A source if false. */
  isModule: boolean,
  text: string,
  name: string,
  args: readonly unknown[],
]

/** `slot`: the word of the job among the cancel flags. */
export function threadMessage({ spec, isChunk, packed }: SentJob, slot: number): ThreadMessage {
  const isModule = 'module' in spec
  const text = isModule ? spec.module : spec.source
  return [slot, isChunk, isModule, text, spec.name, packed.args as readonly unknown[]]
}

/** The other end of threadMessage. */
export function jobOf([, isChunk, isModule, text, name, args]: ThreadMessage): JobMessage {
  return { spec: isModule ? { module: text, name } : { source: text, name }, args, isChunk }
}

/** A reply: a result, which is most of them, is a list with one entry. */
export type ThreadReply = Exclude<Reply, { kind: 'result' }> | readonly [result: unknown]

export function endingOf(reply: ThreadReply): Ending {
  return 'kind' in reply ? reply : { kind: 'result', value: reply[0] }
}
