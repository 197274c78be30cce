// The same program in both styles: three greetings at once, each after a pause of its own.

import { gather, run, sleep } from 'gyre'

// A generator coroutine: waits with `yield*`, runs nothing before a task steps it.
function* greet(name: string, delayMs: number) {
  yield* sleep(delayMs)
  console.log(`hello, ${name}`)
  return name.length
}

// The same as an async function.
async function greetAsync(name: string, delayMs: number) {
  await sleep(delayMs)
  console.log(`hello again, ${name}`)
  return name.length
}

const lengths = await run(function* () {
  return yield* gather(greet('Ada', 30), greet('Barbara', 10), greet('Grace', 20))
})
console.log('lengths, in the order of the arguments:', lengths)

const lengthsAsync = await run(async () => {
  return await gather(greetAsync('Ada', 30), greetAsync('Barbara', 10), greetAsync('Grace', 20))
})
console.log('and once more:', lengthsAsync)
