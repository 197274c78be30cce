// Cancelling a task reaches what it awaits, however deep: CancelledError is thrown there and unwinds
// through the nested async functions, and every finally block runs, also those that wait.

import { CancelledError, createTask, run, shield, sleep } from 'gyre'

async function inner() {
  try {
    await sleep(60_000)
  } finally {
    console.log('inner: cleaning up')
    await sleep(5)
    console.log('inner: clean')
  }
}

async function outer() {
  try {
    await inner()
  } catch (error) {
    if (error instanceof CancelledError) console.log('outer: told to stop:', error.reason)
    throw error
  } finally {
    console.log('outer: finally')
  }
}

async function save() {
  await sleep(100)
  console.log('save: written')
}

await run(async () => {
  const task = createTask(outer, { name: 'outer' })
  await sleep(10)
  task.cancel('the user left')
  await task.catch((error: Error) => console.log('main:', error.message))
  console.log('cancelled:', task.cancelled())

  // What must not be interrupted stands behind a shield: the one who waits is cancelled, the work goes on.
  const saving = createTask(save)
  const waiting = createTask(async () => await shield(saving))
  await sleep(10)
  waiting.cancel()
  await waiting.catch((error: Error) => console.log('waiting:', error.name))
  await saving
})
