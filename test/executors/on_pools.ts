// A test that runs once with threads and once with processes, in a pool of its own that is shut down at
// the end. What the loop has to report besides fails the test.

import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ExceptionContext,
  type Executor,
  type ExecutorOptions,
  getRunningLoop,
  ProcessPoolExecutor,
  run,
  ThreadPoolExecutor,
} from 'gyre'

const TIMEOUT_MS = 60_000

export const KINDS = { threads: ThreadPoolExecutor, processes: ProcessPoolExecutor } as const
export type Kind = keyof typeof KINDS

/** Declares the test for both kinds of pools. */
export function onBothPools(
  name: string,
  options: ExecutorOptions,
  body: (executor: Executor, kind: Kind) => Promise<void>,
): void {
  for (const kind of Object.keys(KINDS) as Kind[]) onPool(kind, name, options, body)
}

/** Declares the test for one kind. */
export function onPool(
  kind: Kind,
  name: string,
  options: ExecutorOptions,
  body: (executor: Executor, kind: Kind) => Promise<void>,
): void {
  test(`${kind}: ${name}`, { timeout: TIMEOUT_MS }, async () => {
    const reports: ExceptionContext[] = []
    await run(async () => {
      getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
      const executor = new KINDS[kind]({ maxWorkers: 2, ...options })
      try {
        await body(executor, kind)
      } finally {
        await executor.shutdown({ cancelFutures: true })
      }
    })
    assert.deepEqual(reports, [], 'the loop had errors to report')
  })
}

/** A module that jobs of tests come from. */
export const jobs = new URL('./jobs.js', import.meta.url)
