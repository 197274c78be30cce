// The program of a process of the pool: takes one job after another from its parent, and ends with it.

import { serialize } from 'node:v8'
import { NotSendableError } from '../errors/executor_errors'
import { sendError } from './error_transport'
import type { CancelWatch } from './job'
import type { Reply } from './messages'
import { type FromProcess, packValues, type ToProcess, unpackValues } from './process_messages'
import { runJob, type WorkerSide } from './run_job'
import { unwrapTransfers } from './transfer'

/** The job that runs, so that it can be cancelled. */
class RunningWatch implements CancelWatch {
  private cancelled = false
  private listeners: (() => void)[] = []

  constructor(readonly id: number) {}

  isCancelled(): boolean {
    return this.cancelled
  }

  onCancel(listener: () => void): void {
    if (this.cancelled) listener()
    else this.listeners.push(listener)
  }

  cancel(): void {
    this.cancelled = true
    for (const listener of this.listeners.splice(0)) listener()
  }
}

let side: WorkerSide = { initializer: null, isCloneable }
let running: RunningWatch | null = null

process.on('message', (message: ToProcess) => {
  switch (message.kind) {
    case 'start': {
      const { initializer } = message
      if (initializer === null) return
      const { spec, args } = initializer
      side = { initializer: { spec, args: unpackValues(args) }, isCloneable }
      return
    }
    case 'job':
      void runSent(message)
      return
    case 'cancel':
      if (running?.id === message.id) running.cancel()
  }
})
// A parent that is gone gives no more jobs, and hears of no result.
process.on('disconnect', () => process.exit())

async function runSent({ id, spec, args, isChunk }: ToProcess & { kind: 'job' }): Promise<void> {
  const watch = new RunningWatch(id)
  running = watch
  const reply = await runJob({ spec, args: unpackValues(args), isChunk }, watch, side)
  if (running === watch) running = null
  process.send?.({ id, ...pack(reply) } as FromProcess)
}

function pack(reply: Reply): object {
  try {
    if (reply.kind === 'result') {
      return { kind: 'result', value: packValues(unwrapTransfers([reply.value]).values) }
    }
    if (reply.kind === 'results') {
      return { ...reply, values: packValues(unwrapTransfers(reply.values).values) }
    }
    return reply
  } catch (cause) {
    const text = `what the job returned cannot be sent back: ${(cause as Error).message}`
    return {
      kind: 'threw',
      error: sendError(new NotSendableError(text, { cause }), isCloneable),
    }
  }
}

function isCloneable(value: unknown): boolean {
  try {
    serialize(value)
    return true
  } catch {
    return false
  }
}
