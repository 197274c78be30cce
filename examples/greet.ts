// A coroutine, and the loop that runs it until it is complete: step by step, then in one call.

import { newEventLoop, run } from 'gyre'

function* greet(name: string) {
  console.log(`greeting ${name}`)
  return `hello, ${name}`
}

const coroutine = greet('Ada')
console.log('made, and not begun')

const loop = newEventLoop()
try {
  console.log(await loop.runUntilComplete(coroutine))
} finally {
  loop.close()
}

// `run` makes the loop, cancels what is left at the end, and closes the loop.
console.log(await run(greet('Grace')))

// Async functions are coroutines too. Given as a function, it begins in its task.
async function greetAsync(name: string) {
  return `hello, ${name}`
}
console.log(await run(() => greetAsync('Barbara')))
