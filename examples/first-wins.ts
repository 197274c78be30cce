// Asks several mirrors at once and takes the first answer; the others are cancelled and clean up.

import { createTask, run, sleep, wait } from 'gyre'

function* download(mirror: string, delayMs: number) {
  try {
    yield* sleep(delayMs)
    return `the file, from ${mirror}`
  } finally {
    console.log(`${mirror}: connection closed`)
  }
}

await run(function* () {
  const tasks = [
    createTask(download('Lisbon', 800), { name: 'Lisbon' }),
    createTask(download('Oslo', 10), { name: 'Oslo' }),
    createTask(download('Rome', 500), { name: 'Rome' }),
  ]
  const { done, pending } = yield* wait(tasks, { returnWhen: 'FIRST_COMPLETED' })
  for (const task of pending) task.cancel('another mirror was faster')
  // A cancelled task ends when its finally blocks have run: wait for that too.
  yield* wait(pending)
  for (const task of done) console.log(task.result())
  console.log(
    'cancelled:',
    tasks.filter((task) => task.cancelled()).map((task) => task.getName()),
  )
})
