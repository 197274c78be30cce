// How a group holds a worker: a thread, a process, or, where the backend cannot share a port by
// SO_REUSEPORT, a process of node:cluster, whose listeners are the primary's.

import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerStart } from './messages'

export type WorkerKind = 'processes' | 'threads'

/** How a worker ended: its exit code, or the signal. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What was thrown in it outside of its run, where that is known. */
  readonly error: Error | null
}

export interface LinkEvents {
  told(message: FromWorker): void
  /** Once, last. */
  exited(exit: Exit): void
}

export interface WorkerLink {
  /** The process's id, or the thread's. */
  readonly id: number
  drain(): void
  /** Ends it at once. */
  kill(): void
}

const MAIN = join(__dirname, '..', 'serve', 'worker_main.js')

export function startWorker(
  kind: WorkerKind,
  isClustered: boolean,
  start: WorkerStart,
  events: LinkEvents,
): WorkerLink {
  if (kind === 'threads') return startThread(start, events)
  return startProcess(isClustered ? forkClustered() : fork(MAIN, []), start, events)
}

function startThread(start: WorkerStart, events: LinkEvents): WorkerLink {
  const thread = new Worker(MAIN, { workerData: start })
  let error: Error | null = null
  thread.on('message', (message: FromWorker) => events.told(message))
  thread.on('error', (thrown: Error) => {
    error = thrown
  })
  thread.on('exit', (code) => events.exited({ code, signal: null, error }))
  return {
    id: thread.threadId,
    drain: () => thread.postMessage({ kind: 'drain' } satisfies ToWorker),
    kill: () => void thread.terminate(),
  }
}

/** node:cluster has one setting for all; it is put back for whoever else uses it. */
function forkClustered(): ChildProcess {
  const before = { ...cluster.settings }
  cluster.setupPrimary({ exec: MAIN, args: [], execArgv: execArgvOfFiles() })
  try {
    const worker = cluster.fork()
    // It passes on what its process tells of, and that is heard there.
    worker.on('error', () => {})
    return worker.process
  } finally {
    cluster.setupPrimary(before)
  }
}

/** Node's own options without a program given by --eval, which would run again; fork() does so itself. */
function execArgvOfFiles(): string[] {
  const at = process.execArgv.findIndex((option) => /^(-e|-p|-pe|--eval|--print)$/.test(option))
  return process.execArgv.filter((_, index) => at === -1 || (index !== at && index !== at + 1))
}

function startProcess(child: ChildProcess, start: WorkerStart, events: LinkEvents): WorkerLink {
  let error: Error | null = null
  let isOver = false
  const over = (code: number | null, signal: NodeJS.Signals | null) => {
    if (isOver) return
    isOver = true
    events.exited({ code, signal, error })
  }
  child.on('message', (message: FromWorker) => {
    if (typeof message === 'object' && message !== null && 'kind' in message) events.told(message)
  })
  child.on('error', (thrown) => {
    error = thrown
    if (child.pid === undefined) over(null, null)
  })
  child.on('exit', over)
  // Where the process could not be made, there may be no `send` (EMFILE); an event tells why.
  const send = (message: ToWorker) => void child.send?.(message, () => {})
  send({ kind: 'start', start })
  return {
    id: child.pid ?? 0,
    drain: () => {
      if (child.connected) send({ kind: 'drain' })
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
