// Which backend a loop gets: by the environment, by its options, and what is said when it cannot.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backendInfo, newEventLoop, run } from 'gyre'
import { runProgram } from '../program.js'

test('GYRE_BACKEND decides, and backendInfo says so', () => {
  const wanted = process.env.GYRE_BACKEND
  if (wanted !== undefined) assert.equal(backendInfo().name, wanted)
  assert.equal(backendInfo().poller, backendInfo().name === 'fallback' ? 'node' : 'epoll')
})

test('the options of a loop ask for a backend by name', async () => {
  const loop = newEventLoop({ backend: 'fallback' })
  assert.equal(await run(async () => 'ran', { loopFactory: () => loop }), 'ran')
})

test('a backend that does not exist is a TypeError that names both', async () => {
  // @ts-expect-error a backend that does not exist
  assert.throws(() => newEventLoop({ backend: 'quantum' }), {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_TYPE',
    message: /'native' or 'fallback'.*'quantum'/,
  })
  const end = await runProgram(`
    import { backendInfo } from 'gyre'
    process.env.GYRE_BACKEND = 'quantum'
    try { backendInfo() } catch (error) { console.log(error.code, error.message) }
  `)
  assert.match(end.stdout, /^ERR_INVALID_ARG_TYPE .*GYRE_BACKEND.*'native' or 'fallback'/)
})

test('the fallback says why it is the fallback', async () => {
  const end = await runProgram(`
    process.env.GYRE_BACKEND = 'fallback'
    const { backendInfo } = await import('gyre')
    console.log(JSON.stringify(backendInfo()))
  `)
  const info = JSON.parse(end.stdout) as { name: string; reason: string }
  assert.equal(info.name, 'fallback')
  assert.match(info.reason, /GYRE_BACKEND=fallback/)
})
