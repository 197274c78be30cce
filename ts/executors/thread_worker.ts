// What a thread of the pool runs: piscina calls the default export for each job.

import { workerData } from 'node:worker_threads'
import { NotSendableError } from '../errors/executor_errors'
import { CancelFlag } from './cancel_flags'
import { sendError } from './error_transport'
import { isSentAsIs, type Reply } from './messages'
import { runJob, type WorkerSide } from './run_job'
import { jobOf, type ThreadMessage, type ThreadReply, type ThreadStart } from './thread_messages'
import { unwrapTransfers } from './transfer'

const { flags, initializer } = workerData as ThreadStart

const side: WorkerSide = { initializer, isCloneable }

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}

/** @internal The entry that piscina calls. */
export function run(message: ThreadMessage): unknown {
  const [slot] = message
  const flag = new CancelFlag(flags, slot)
  const reply = runJob(jobOf(message), flag, side)
  if (reply instanceof Promise) {
    return reply.then((settled) => finish(settled, flag))
  }
  return finish(reply, flag)
}

function finish(reply: Reply, flag: CancelFlag): unknown {
  flag.end()
  if (reply.kind !== 'result' && reply.kind !== 'results') return reply
  const values = reply.kind === 'result' ? [reply.value] : reply.values
  if (values.every(isSentAsIs)) return reply.kind === 'result' ? values : reply
  const { values: unwrapped, list } = unwrapTransfers(values)
  if (list.length === 0) return checked(reply, values)
  const sent: ThreadReply =
    reply.kind === 'result' ? [unwrapped[0]] : { ...reply, values: unwrapped }
  const { move, transferableSymbol, valueSymbol } = require('piscina') as typeof import('piscina')
  return move({ [transferableSymbol]: list, [valueSymbol]: sent } as never)
}

/** A result that cannot be cloned would end the thread where piscina sends it: so it is found here. */
function checked(
  reply: Reply & { kind: 'result' | 'results' },
  values: readonly unknown[],
): ThreadReply {
  try {
    for (const value of values) {
      if (!isPlainlyCloneable(value)) structuredClone(value)
    }
    return reply.kind === 'result' ? [reply.value] : reply
  } catch (cause) {
    const text = `what the job returned cannot be sent back: ${(cause as Error).message}`
    return {
      kind: 'threw',
      error: sendError(new NotSendableError(text, { cause }), isCloneable),
    }
  }
}

/** Saves the copy for what is most often returned, or is large. */
function isPlainlyCloneable(value: unknown): boolean {
  return isSentAsIs(value) || ArrayBuffer.isView(value) || value instanceof ArrayBuffer
}
