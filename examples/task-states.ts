// What a task says of itself, from its making to its end.

import { createTask, run, sleep } from 'gyre'

function* work(fails = false) {
  yield* sleep(5)
  if (fails) throw new Error('no luck')
  return 'the result'
}

await run(function* () {
  const good = createTask(work(), { name: 'good' })
  console.log('made      ', good)
  yield* sleep(0)
  console.log('pending   ', good)
  yield* good
  console.log('finished  ', good, good.result())

  const bad = createTask(work(true), { name: 'bad' })
  yield* sleep(10)
  console.log('failed    ', bad)
  console.log('because of', (bad.exception() as Error).message)

  const gone = createTask(work(), { name: 'gone' })
  yield* sleep(0)
  gone.cancel()
  console.log('cancelling', gone)
  yield* sleep(0)
  console.log('cancelled ', gone)
})
