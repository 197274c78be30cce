// Loops: run, reused, closed, replaced.

import { getEventLoop, getRunningLoop, newEventLoop, Runner, setEventLoop, sleep } from 'gyre'

function* work(name: string) {
  yield* sleep(1)
  return `${name} is done`
}

// Run until something is complete; reused for the next thing.
const first = newEventLoop()
console.log(await first.runUntilComplete(work('the first')))
console.log(await first.runUntilComplete(work('the second, on the same loop,')))

// Run until somebody says stop.
first.callLater(5, () => first.stop())
await first.runForever()
console.log('stopped; running:', first.isRunning(), 'closed:', first.isClosed())

// Closed, for good.
first.close()
first.close()
const late = work('never')
await first
  .runUntilComplete(late)
  .catch((error: Error) => console.log(error.name, '-', error.message))

// Replaced: this thread's loop is another one now.
const second = newEventLoop()
setEventLoop(second)
console.log('the loop of the thread is the second:', getEventLoop() === second)
await second.runUntilComplete(function* () {
  console.log('so is the one that runs:', getRunningLoop() === second)
})
setEventLoop(null)
second.close()
console.log('and now neither:', getEventLoop() !== second && getEventLoop() !== first)

// A Runner keeps a loop for several runs, and cleans up at its end.
const runner = new Runner()
const loop = runner.getLoop()
console.log(await runner.run(work('the first run')))
console.log(await runner.run(work('the second run')))
await runner.close()
console.log('closed with its runner:', loop.isClosed())
