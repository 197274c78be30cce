// Task groups: tasks that live and end together. When one fails, the others are cancelled, and all of
// them have ended before the group is left.

import { ExceptionGroup, run, sleep, taskGroup } from 'gyre'

function* step(name: string, delayMs: number, failure?: string) {
  try {
    yield* sleep(delayMs)
    if (failure !== undefined) throw new Error(failure)
    console.log(`${name} is done`)
    return name
  } finally {
    console.log(`${name} has ended`)
  }
}

await run(function* () {
  const names = yield* taskGroup(function* (group) {
    const first = group.createTask(step('soup', 20))
    const second = group.createTask(step('bread', 10))
    return [yield* first, yield* second]
  })
  console.log('all went well:', names)

  try {
    yield* taskGroup(function* (group) {
      group.createTask(step('roast', 10, 'the oven is cold'))
      group.createTask(step('salad', 1_000))
      yield* sleep(1_000)
      console.log('never printed: the body is cancelled, too')
    })
  } catch (error) {
    if (!(error instanceof ExceptionGroup)) throw error
    console.log(error.message)
    for (const member of error.errors) console.log('-', (member as Error).message)
  }
})
