// Two coroutines take turns. A task runs until it waits; `sleep(0)` waits for nothing, and lets the
// others run once.

import { gather, run, sleep } from 'gyre'

function* foo() {
  console.log('foo runs')
  yield* sleep(0)
  console.log('foo runs again')
}

function* bar() {
  console.log('bar runs, while foo waits')
  yield* sleep(0)
  console.log('bar runs again, while foo has ended')
}

await run(function* () {
  yield* gather(foo(), bar())
})
