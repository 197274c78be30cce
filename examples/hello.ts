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
  return yield* gather(greet('Ada', 90), greet('Barbara', 30), greet('Grace', 60))
})
console.log('lengths, in the order of the arguments:', lengths)

const lengthsAsync = await run(async () => {
  return await gather(greetAsync('Ada', 90), greetAsync('Barbara', 30), greetAsync('Grace', 60))
})
console.log('and once more:', lengthsAsync)
