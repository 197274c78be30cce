// task.signal and what takes it: an AbortError that came of cancelling the task is a cancellation.

import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import {
  createTask,
  currentTask,
  type ExceptionContext,
  getRunningLoop,
  run,
  sleep,
  TimeoutError,
  timeout,
} from 'gyre'

/** A foreign promise that fails with an AbortError of Node's when the task is cancelled. */
function foreignPause(): Promise<void> {
  return pause(60_000, undefined, { signal: currentTask()!.signal })
}

/** What the loop reports while `main` runs. */
async function reportsOf(main: () => Promise<void>): Promise<ExceptionContext[]> {
  const reports: ExceptionContext[] = []
  await run(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context))
    await main()
  })
  return reports
}

test('a task whose foreign promise is aborted by its signal ends cancelled, with the reason', async () => {
  const reports = await reportsOf(async () => {
    const task = createTask(async () => await foreignPause())
    await sleep(0)
    task.cancel('enough')
    await assert.rejects(task.then(), { name: 'CancelledError', reason: 'enough' })
    assert.equal(task.cancelled(), true)
  })
  assert.deepEqual(reports, [])
})

test('an AbortError that has nothing to do with the task is an error like others', async () => {
  await run(async () => {
    const task = createTask(async () => {
      await pause(60_000, undefined, { signal: AbortSignal.abort() })
    })
    await assert.rejects(task.then(), { name: 'AbortError' })
    assert.equal(task.cancelled(), false)
  })
})

test('a timeout over an aborted foreign promise is a TimeoutError, and nothing is reported', async () => {
  const reports = await reportsOf(async () => {
    await assert.rejects(async () => await timeout(1, foreignPause), TimeoutError)
    await assert.rejects(async () => {
      await createTask(function* () {
        yield* timeout(1, foreignPause)
      })
    }, TimeoutError)
  })
  assert.deepEqual(reports, [])
})
